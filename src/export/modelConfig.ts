import { blocksOf, FIRST_CHANNELS, hasBottlenecks, type Stem } from '../model/backboneLayout.js';
import type { ModelDescription } from '../model/description.js';
import type { Head } from '../model/headLayout.js';
import type { ModelInput } from '../model/modelInput.js';

/** What is exported, and of which file. */
export interface ExportedModel {
  readonly arch: string;
  readonly stem: Stem;
  /** Factor of every number of channels. */
  readonly width: number;
  /** Length of a picture's feature. */
  readonly featureLength: number;
  /** Length of what the projection head gives; undefined where there is none. */
  readonly featureDim: number | undefined;
  /** The layers of that. */
  readonly head: Head | undefined;
  readonly input: ModelInput;
  readonly epoch: ModelDescription['epoch'];
  readonly trainedOn: ModelDescription['trainedOn'];
  /** Version of moco that exports. */
  readonly mocoVersion: string;
  /** The model's file: its name and the SHA-256 of its bytes. */
  readonly file: { readonly name: string; readonly sha256: string };
}

/** What lies beside the weights in every format, by the files' names. */
export function configFiles(model: ExportedModel): ReadonlyMap<string, string> {
  return new Map([
    ['config.json', json(modelConfig(model))],
    ['preprocessor_config.json', json(preprocessorConfig(model.input))],
  ]);
}

/** As Hugging Face describes a ResNet; what is moco's own stands under `moco`. */
function modelConfig(model: ExportedModel): object {
  const { arch, width, featureLength } = model;
  return {
    architectures: ['ResNetModel'],
    model_type: 'resnet',
    num_channels: 3,
    embedding_size: FIRST_CHANNELS * width,
    depths: blocksOf(arch),
    hidden_sizes: [8, 4, 2, 1].map((divisor) => featureLength / divisor),
    layer_type: hasBottlenecks(arch) ? 'bottleneck' : 'basic',
    hidden_act: 'relu',
    moco: model,
  };
}

/**
 * What is done to a picture before the model sees it. The number 1 stands for Lanczos with three
 * lobes, by which moco resizes, too.
 */
function preprocessorConfig({ imageSize, cropShare, mean, std }: ModelInput): object {
  return {
    image_processor_type: 'BitImageProcessor',
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: Math.round(imageSize / cropShare) },
    resample: 1,
    do_center_crop: true,
    crop_size: { height: imageSize, width: imageSize },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

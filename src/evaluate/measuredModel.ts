import type { KnnConfig } from '../config/knnConfig.js';
import type { LinearConfig } from '../config/linearConfig.js';
import type { NeighboursConfig } from '../config/neighboursConfig.js';
import type { Stem } from '../config/trainConfig.js';
import { requireAgreement } from '../model/agreement.js';
import { describeModel } from '../model/description.js';
import { type Model, readModel } from '../model/readModel.js';

/** The configuration of a command that works with a frozen backbone. */
export type EvaluatorConfig = KnnConfig | LinearConfig | NeighboursConfig;

/** What says how a model is to be used. */
type Usage = Pick<KnnConfig, 'arch' | 'stem' | 'imageSize' | 'mean' | 'std'>;

/** A configuration with all that a model's file says of its use. */
export type Measured<Config extends EvaluatorConfig> = Config & {
  readonly arch: string;
  readonly width: number;
  readonly stem: Stem;
};

/** A model that is to be measured, and the configuration with what its file says of it. */
export interface MeasuredModel<Config extends EvaluatorConfig> {
  readonly model: Model;
  readonly config: Measured<Config>;
}

/**
 * Reads a model's file, and takes from it what the configuration leaves open: architecture and stem,
 * which its tensors tell; the size of its pictures and what they are normalised by, which moco's own
 * files say.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a file that cannot be read; `ERR_MOCO_CONFIG` where the
 *   file says something else than the configuration
 */
export async function measuredModel<Config extends EvaluatorConfig>(
  config: Config,
): Promise<MeasuredModel<Config>> {
  const model = await readModel(config.modelPath, config.prefix);
  const { architecture, file } = model;
  const { input } = describeModel(file);
  if (input !== undefined) requireAgreement(given(config), input, file.path);
  const { imageSize, mean, std } = { ...input, ...given(config) };
  return {
    model,
    config: {
      ...config,
      // Where the tensors are no ResNet, what does not fit is reported against these.
      arch: config.arch === 'auto' ? (architecture?.arch ?? 'resnet50') : config.arch,
      width: architecture?.width ?? 1,
      stem: config.stem === 'auto' ? (architecture?.stem ?? 'cifar') : config.stem,
      ...{ imageSize: imageSize ?? 'auto', mean, std },
    },
  };
}

/** What a configuration says of a model's input. */
function given({ imageSize, mean, std }: Usage): Partial<Usage> {
  return {
    ...(imageSize !== 'auto' && { imageSize }),
    ...(mean && { mean }),
    ...(std && { std }),
  };
}

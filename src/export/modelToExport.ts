import { basename } from 'node:path';
import type { ExportConfig } from '../config/exportConfig.js';
import type { StoredTensor } from '../formats/tensorFile.js';
import type { Architecture } from '../model/architecture.js';
import { backboneLayout, type Layout } from '../model/backboneLayout.js';
import { describeModel, descriptionRecord } from '../model/description.js';
import { deviationOf, deviationSize } from '../model/deviation.js';
import type { LeftOut } from '../model/encoderTensors.js';
import { headLayout } from '../model/headLayout.js';
import { modelInputSchema } from '../model/modelInput.js';
import { type Model, readModel } from '../model/readModel.js';
import { requireFinite } from '../model/requireFinite.js';
import { requireFit } from '../model/requireFit.js';
import { ownName, TORCHVISION } from '../model/resnetNames.js';
import { settledInput } from '../model/settledInput.js';
import type { NativeTensorSource } from '../native/input.js';
import { version } from '../version.js';
import { fileHash } from './fileHash.js';
import type { ExportedModel } from './modelConfig.js';
import { resnetOf } from './resnet.js';

/** A model that can be exported, and all that is told of it. */
export interface ModelToExport {
  readonly description: ExportedModel;
  /** The tensors of its backbone and of its projection head, if it has one. */
  readonly source: NativeTensorSource;
  /** What a file of weights says of itself, as moco's own do; empty where nothing is known. */
  readonly record: string;
  readonly leftOut: readonly LeftOut[];
  readonly notes: readonly string[];
}

/** Against this one it is reported what does not fit, where tensors are no ResNet. */
const NO_ARCHITECTURE: Architecture = {
  ...{ arch: 'resnet50', stem: 'cifar', width: 1 },
  ...{ featureDim: undefined, head: undefined },
};

/**
 * Finds the model in a file, makes sure that it can be computed with, and settles what it sees of a
 * picture.
 * @throws MocoError as `exportModel`
 */
export async function modelToExport(
  config: ExportConfig,
  signal: AbortSignal | undefined,
): Promise<ModelToExport> {
  const model = await readModel(config.modelPath, config.prefix);
  const { file, notes, architecture } = model;
  const { arch, stem, width, ...projection } = architecture ?? NO_ARCHITECTURE;
  const { featureLength } = resnetOf({ arch, stem, width });
  const head = headOf(model, featureLength);
  const layout = [...backboneLayout(arch, stem, width), ...head];
  const hasHead = head.length > 0;
  const tensors = requireFit(model, layout, hasHead ? 'encoder' : 'backbone');
  const { path } = file;
  const { input: toldInput, epoch, trainedOn } = describeModel(file);
  const input = settledInput(path, toldInput, modelInputSchema.partial().parse(config));
  await requireFinite({ path, tensors }, signal);
  const source = { name: basename(path), sha256: await fileHash(path, signal) };
  const told = hasHead ? projection : { featureDim: undefined, head: undefined };
  const of = { mocoVersion: version, arch, stem, width, featureLength, ...told };
  return {
    description: { ...of, input, epoch, trainedOn, file: source },
    source: { path, tensors: named(tensors, config.names) },
    record: descriptionRecord(file),
    leftOut: [...model.leftOut, ...headsLeftOut(model, head)],
    notes,
  };
}

/** The layout of a model's projection head; empty where it has none of moco's form. */
function headOf({ tensors, architecture }: Model, featureLength: number): Layout {
  const { featureDim, head } = architecture ?? NO_ARCHITECTURE;
  if (featureDim === undefined || head === undefined) return [];
  const layout = headLayout(featureLength, featureDim, head);
  const found = tensors.filter(({ name }) => name.startsWith('g.'));
  return deviationSize(deviationOf(found, layout)) === 0 ? layout : [];
}

/** A classifier, whose classes are no features, and a projection head of another form. */
function headsLeftOut({ tensors }: Model, head: Layout): LeftOut[] {
  const heads = head.length > 0 ? ['fc'] : ['fc', 'g'];
  return heads.flatMap((name) => {
    const found = tensors.filter((tensor) => tensor.name.startsWith(`${name}.`));
    return found.length === 0 ? [] : [{ name, tensors: found.length }];
  });
}

function named(
  tensors: readonly StoredTensor[],
  names: ExportConfig['names'],
): readonly StoredTensor[] {
  if (names !== 'torchvision') return tensors;
  return tensors.map((tensor) => ({ ...tensor, name: ownName(TORCHVISION, tensor.name) }));
}

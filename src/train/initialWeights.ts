import { isDeepStrictEqual } from 'node:util';
import type { TrainConfig } from '../config/trainConfig.js';
import type { StoredTensor } from '../formats/tensorFile.js';
import { type Architecture, architectureOf, architectureTitle } from '../model/architecture.js';
import { hasSameTensors, type Layout } from '../model/backboneLayout.js';
import { type Model, readModel } from '../model/readModel.js';
import { requireFinite } from '../model/requireFinite.js';
import { requireFit } from '../model/requireFit.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeTensorSource } from '../native/input.js';

/** The weights that a run starts from in place of random ones, and what to tell the user of them. */
export interface InitialWeights {
  readonly source: NativeTensorSource;
  /** What was taken over, what not, and why, one line each. */
  readonly notices: readonly string[];
}

/** The layers of a stem, under the reference's names: the first convolution and its BatchNorm. */
const STEM = /^f\.[01]\./;

/**
 * Reads the weights that a run starts from: the backbone of moco's own models and checkpoints,
 * torchvision's, timm's or another's ResNet, without its stem where the run has another one; the
 * projection head, too, where it is moco's and has the run's length.
 * @returns undefined where none are asked for
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a file that cannot be read, or another architecture;
 *   `ERR_MOCO_NON_FINITE`; `ERR_MOCO_ABORTED`
 */
export async function initialWeights(
  config: TrainConfig,
  addon: NativeAddon,
  signal: AbortSignal | undefined,
): Promise<InitialWeights | undefined> {
  const { initWeights, initPrefix } = config;
  if (initWeights === undefined) return undefined;
  const model = await readModel(initWeights, initPrefix);
  const found = model.architecture;
  const stem = found?.stem ?? config.stem;
  const layout = addon.encoderLayout({ ...config, stem });
  const backbone = requireFit(model, layout, 'backbone');
  const head = hasHeadFor(layout, found) ? requireFit(model, layout, 'encoder').filter(isHead) : [];
  const sameStem = hasSameTensors(stem, config.stem);
  const taken = [...backbone.filter(({ name }) => sameStem || !STEM.test(name)), ...head];
  const source = { path: model.file.path, tensors: taken };
  await requireFinite(source, signal);
  return { source, notices: noticesOf(config, model, taken) };
}

function isHead({ name }: StoredTensor): boolean {
  return name.startsWith('g.');
}

/** Whether a file's head has the layers of the run's. */
function hasHeadFor(layout: Layout, found: Architecture | undefined): boolean {
  const { featureDim, head } = architectureOf(layout) as Architecture; // the addon's own layout
  return head !== undefined && isDeepStrictEqual({ featureDim, head }, headIn(found));
}

function headIn(found: Architecture | undefined) {
  return found && { featureDim: found.featureDim, head: found.head };
}

function noticesOf(
  config: TrainConfig,
  { file, architecture, leftOut, notes, tensors }: Model,
  taken: readonly StoredTensor[],
): string[] {
  const { arch, stem, featureDim } = architecture as Architecture; // its tensors have fitted
  const title = `${architectureTitle(arch)} in ${file.path}`;
  const not: string[] = [];
  if (!hasSameTensors(stem, config.stem)) {
    not.push(`the stem: the file has the ${stem} stem, and the run the ${config.stem} stem`);
  }
  if (featureDim !== undefined && featureDim !== config.featureDim) {
    not.push(`the projection head: its output has ${featureDim} numbers, not ${config.featureDim}`);
  } else if (featureDim === undefined || !taken.some(isHead)) {
    not.push("a projection head: the file has none of the run's kind");
  }
  const others = [...leftOut.map(({ name }) => name), ...headsBeside(tensors)];
  if (others.length > 0) not.push(`${others.join(', ')}: no part of the encoder`);
  return [
    `the run starts from ${title}: ${taken.length} tensors were taken over`,
    ...not.map((reason) => `not taken over: ${reason}`),
    ...notes,
  ];
}

/** Heads of a model that a run has no place for. */
function headsBeside(tensors: readonly StoredTensor[]): string[] {
  return tensors.some(({ name }) => name.startsWith('fc.')) ? ['fc'] : [];
}

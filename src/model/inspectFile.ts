import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { findNonFinite, type NonFiniteTensor } from '../formats/nonFinite.js';
import { elementCount } from '../formats/storedTensors.js';
import type { StoredTensor, TensorFile } from '../formats/tensorFile.js';
import { verifyChecksums } from '../formats/verifyChecksums.js';
import type { Architecture } from './architecture.js';
import { describeModel, type MetricsRow, type ModelDescription } from './description.js';
import type { LeftOut } from './encoderTensors.js';
import { type ModelKind, readModel } from './readModel.js';

export interface InspectOptions {
  /** Where the model is in the file, if there are several: how the names of its tensors begin. */
  readonly prefix?: string | undefined;
  /** Ends the comparison with the checksums. */
  readonly signal?: AbortSignal | undefined;
}

const ARGUMENTS = {
  path: check.path,
  options: check.options<InspectOptions>({ prefix: check.text, signal: check.signal }),
};

/** What is in a model file or checkpoint. */
export interface FileInspection extends Omit<ModelDescription, 'results' | 'bestEpoch'> {
  readonly path: string;
  readonly format: TensorFile['format'];
  /** Size of the file, in bytes. */
  readonly size: number;
  readonly kind: ModelKind;
  /** What the names of the model's tensors begin with in the file: `state_dict.module.encoder_q.` */
  readonly prefix: string;
  /** Undefined where the model is none of the ResNets that have a name. */
  readonly architecture: Architecture | undefined;
  /** Number of tensors of the model; in a checkpoint, of its query encoder. */
  readonly tensors: number;
  /** How many numbers of the model are trained; BatchNorm's statistics are not. */
  readonly parameters: number;
  /** Tensors of the file that are not part of the model. */
  readonly leftOut: readonly LeftOut[];
  /** Tensors of the model with values that are NaN or infinite. */
  readonly nonFinite: readonly NonFiniteTensor[];
  /** What the file holds besides tensors, numbers and texts; nothing of it was run. */
  readonly opaque: TensorFile['opaque'];
  /** What tensors do not show, and which encoder was taken; one sentence each. */
  readonly notes: readonly string[];
  /** Why a network is no ResNet that moco knows, in one or several lines. */
  readonly misfit: string | undefined;
  /** Results of the last evaluation, and of the best one until then. */
  readonly metrics: { readonly last: MetricsRow; readonly best: MetricsRow } | undefined;
  /** How many tensors the file has, and how many of them were compared with their checksum. */
  readonly checksums: { readonly tensors: number; readonly verified: number };
}

/** BatchNorm's statistics, by the end of their names. */
const STATISTICS = /\.(running_mean|running_var|num_batches_tracked)$/;

/**
 * Tells what a model file or checkpoint holds, and compares every tensor with its checksum where
 * the format has them.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a file that cannot be read, or is damaged: it names
 * the tensors; and for one with several encoders: it names the prefixes; `ERR_MOCO_CONFIG`;
 * `ERR_MOCO_ABORTED` after the signal
 */
export async function inspectFile(
  path: string,
  options: InspectOptions = {},
): Promise<FileInspection> {
  check.requireArguments('inspectFile', ARGUMENTS, { path, options });
  const { prefix, signal } = options;
  throwIfAborted(signal, 'the inspection');
  const { file, tensors, ...model } = await readModel(absolute(path), prefix);
  const verified = await verifyChecksums(file, signal);
  const { results = [], bestEpoch, ...description } = describeModel(file);
  return {
    path: file.path,
    format: file.format,
    size: file.size,
    ...model,
    tensors: tensors.length,
    parameters: parameterCount(tensors),
    nonFinite: await findNonFinite({ path: file.path, tensors }, signal),
    opaque: file.opaque,
    ...description,
    metrics: summary(results, bestEpoch),
    checksums: { tensors: file.tensors.length, verified },
  };
}

function parameterCount(tensors: readonly StoredTensor[]): number {
  return tensors
    .filter(({ name }) => !STATISTICS.test(name))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/** @param bestEpoch what the file says is the best; undefined in a model's file, which has one row */
function summary(
  results: readonly MetricsRow[],
  bestEpoch: number | undefined,
): FileInspection['metrics'] {
  const last = results.at(-1);
  if (last === undefined) return undefined;
  return { last, best: results.find(({ epoch }) => epoch === bestEpoch) ?? last };
}

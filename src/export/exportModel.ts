import { dirname, join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import {
  type ExportConfig,
  type ExportConfigInput,
  type ExportFormat,
  exportCommand,
  isGraph,
} from '../config/exportConfig.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import { makeFolder } from '../disk/folder.js';
import { MocoError } from '../error.js';
import { isCounter } from '../model/deviation.js';
import type { LeftOut } from '../model/encoderTensors.js';
import { headLayers } from '../model/headLayout.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/load.js';
import type { OnnxComparison } from './compareOnnx.js';
import { compareWithOwn, type NotCompared } from './compareWithOwn.js';
import { configFiles, type ExportedModel } from './modelConfig.js';
import { requireFree, writeFolder, writePieces } from './modelFolder.js';
import { type ModelToExport, modelToExport } from './modelToExport.js';
import { onnxModel } from './onnxModel.js';
import { resnetOf } from './resnet.js';
import { type ForwardPass, forwardPass } from './steps.js';
import { torchScriptMethods } from './torchScript.js';
import { folded, type Weights, withAffineNorms } from './weights.js';

export interface ExportOptions {
  /** Ends the export, as long as the folder is not there yet. */
  readonly signal?: AbortSignal | undefined;
}

const ARGUMENTS = { options: check.options<ExportOptions>({ signal: check.signal }) };

/** What was exported. */
export interface ExportResult {
  /** The folder. */
  readonly out: string;
  readonly format: ExportFormat;
  /** The file of weights in it. */
  readonly model: string;
  readonly description: ExportedModel;
  /** Tensors of the file that are not exported. */
  readonly leftOut: readonly LeftOut[];
  /** What tensors do not show, and which encoder was taken; one sentence each. */
  readonly notes: readonly string[];
  /** Of ONNX: how far it is from what moco computes, or why that was not tried. */
  readonly comparison: OnnxComparison | NotCompared | undefined;
}

/** Where each format has its weights. */
const MODEL_FILES: Readonly<Record<ExportFormat, string>> = {
  onnx: 'onnx/model.onnx',
  torchscript: 'model.pt',
  safetensors: 'model.safetensors',
  pth: 'model.pth',
};

type Addon = Pick<NativeAddon, 'convertTensors' | 'readTensors' | 'writeTorchScript'>;

/** What an export works with. The addon is loaded when everything else is right. */
export interface ExportTools {
  readonly loadAddon: () => Addon;
  readonly compare: typeof compareWithOwn;
}

/**
 * Writes a model into a folder from which others use it without moco: as ONNX, as TorchScript, or its
 * weights alone; beside them what the model sees of a picture. The folder appears whole or not at all.
 * @param config what differs from the defaults
 * @throws MocoError `ERR_MOCO_CONFIG` where the file does not say what the model sees and the
 * configuration does not either, or both do and differ; `ERR_MOCO_OUTPUT` where the folder is there
 * already, cannot be written, or another export writes it; `ERR_MOCO_NATIVE` where onnxruntime-node is installed and computes
 * something else than moco; `ERR_MOCO_CHECKPOINT` for a file that is wrong or damaged or no
 * ResNet, `_NON_FINITE` for one with values that are NaN or infinite; `_NATIVE_MISSING` …;
 * `_ABORTED` after the signal
 */
export async function exportModel(
  config: ExportConfigInput,
  options: ExportOptions = {},
): Promise<ExportResult> {
  check.requireArguments('exportModel', ARGUMENTS, { options });
  const settings = withAbsolutePaths(exportCommand, parseConfig(exportCommand, config));
  return await exportWith({ loadAddon, compare: compareWithOwn }, settings, options.signal);
}

/** `exportModel` with the addon and the comparison that are given. */
export async function exportWith(
  { loadAddon, compare }: ExportTools,
  config: ExportConfig,
  signal?: AbortSignal | undefined,
): Promise<ExportResult> {
  const { out, format, force } = config;
  throwIfAborted(signal, 'the export');
  await requireFree(out, force);
  const found = await modelToExport(config, signal);
  const addon = loadAddon();
  const model = MODEL_FILES[format];
  let comparison: ExportResult['comparison'];
  await writeFolder({ path: out, force, signal }, async (folder) => {
    const path = join(folder, model);
    await makeFolder(dirname(path));
    await (isGraph(format)
      ? writeGraph(addon, path, found, config)
      : writeWeights(addon, path, found, format)
    ).catch((error: unknown) => Promise.reject(MocoError.from(error)));
    await writeConfigs(folder, found); // after the model, whose folder is on the disk with them
    if (format === 'onnx') comparison = await compare(path, config, found.description, signal);
    throwIfAborted(signal, 'the export');
  });
  const { description, leftOut, notes } = found;
  return { out, format, model: join(out, model), description, leftOut, notes, comparison };
}

async function writeConfigs(folder: string, { description }: ModelToExport): Promise<void> {
  for (const [name, content] of configFiles(description)) {
    await writePieces(join(folder, name), [Buffer.from(content)]);
  }
}

async function writeWeights(
  addon: Addon,
  path: string,
  { source, record }: ModelToExport,
  format: 'safetensors' | 'pth',
): Promise<void> {
  await addon.convertTensors(source, { path, format, description: record, replaces: false });
}

async function writeGraph(
  addon: Addon,
  path: string,
  { source, description }: ModelToExport,
  { format, foldBatchNorm }: ExportConfig,
): Promise<void> {
  const { featureDim, featureLength, head, input, mocoVersion } = description;
  const resnet = resnetOf(description);
  const layers = head && headLayers(head);
  const weights = withAffineNorms(await readWeights(addon, source), layers ?? []);
  const used = foldBatchNorm ? folded(weights, resnet, layers ?? []) : weights;
  const pass = forwardPass(resnet, layers, foldBatchNorm);
  const told = JSON.stringify({ ...description, foldBatchNorm });
  if (format === 'torchscript') return await writeTorchScript(addon, path, pass, used, told);
  const sizes = { imageSize: input.imageSize, featureLength, featureDim };
  const origin = { producer: 'moco', version: mocoVersion, metadata: { moco: told } };
  await writePieces(path, onnxModel(pass, used, sizes, origin));
}

async function writeTorchScript(
  addon: Addon,
  path: string,
  pass: ForwardPass,
  weights: Weights,
  description: string,
): Promise<void> {
  const tensors = [...weights].map(([name, weight]) => ({ name, ...weight }));
  await addon.writeTorchScript({ path, methods: torchScriptMethods(pass), description }, tensors);
}

/** The tensors in fp32, without BatchNorm's counters, which nothing is computed with. */
async function readWeights(
  addon: Addon,
  { path, tensors }: ModelToExport['source'],
): Promise<Weights> {
  const used = tensors.filter(({ name }) => !isCounter(name));
  const values = await addon.readTensors({ path, tensors: used });
  return new Map(
    used.map(({ name, shape }, index) => [name, { shape, data: values[index] as Float32Array }]),
  );
}

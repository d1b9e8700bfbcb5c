import type { EncoderDescription, EvaluatorDescription, TrainerDescription } from '../index.js';
import { archText } from './modelText.js';
import { count } from './quantities.js';
import { shownPath } from './shownPath.js';

/** What moco's own kernels for the CPU compute where they are used. */
const CPU_KERNELS = "moco's own kernels for BatchNorm and convolutions";

/**
 * That the CPU computes without moco's own kernels, and why; empty where a processor has them, and on
 * processors other than x86, for which there are none.
 */
export function withoutKernels(
  { device, cpuKernelsUnavailable }: Pick<EvaluatorDescription, 'device' | 'cpuKernelsUnavailable'>,
  arch: string = process.arch,
): string[] {
  if (device !== 'cpu' || cpuKernelsUnavailable === '' || arch !== 'x64') return [];
  return [`        without ${CPU_KERNELS} (slower): ${cpuKernelsUnavailable}`];
}

/** What computes, and how. */
export function machineLines(description: TrainerDescription | EvaluatorDescription): string[] {
  const { device, dataThreads, viewsDevice, viewsReason } = description;
  return [
    ...deviceLines(description, `, ${count(dataThreads, 'data thread')}`),
    ...(device === 'cpu' ? [] : [`        views made by ${viewsDevice}: ${viewsReason}`]),
  ];
}

type Computing = Omit<EncoderDescription, 'model'> | TrainerDescription | EvaluatorDescription;

/** @param more what follows the threads that compute */
function deviceLines(description: Computing, more = ''): string[] {
  const { mocoVersion, libtorchVersion, device, deviceName } = description;
  const { computeThreads, precision, precisionReason } = description;
  return [
    `moco ${mocoVersion}, LibTorch ${libtorchVersion}`,
    `device  ${device} (${deviceName}), ${count(computeThreads, 'compute thread')}${more}`,
    `        ${precision}: ${precisionReason}`,
    ...withoutKernels(description),
  ];
}

/** Which model turns pictures into features, and where that is computed. */
export function encoderLines(description: EncoderDescription): string[] {
  const { path, arch, width, stem, input } = description.model;
  return [
    ...deviceLines(description),
    `model   ${shownPath(path)}`,
    `        ${archText(arch, width)}, stem ${stem}, pictures of ${input.imageSize} × ${input.imageSize}`,
  ];
}

/** Which model is measured, on which pictures, and where that is computed. */
export function evaluatorLines(description: EvaluatorDescription): string[] {
  const { model, dataset } = description;
  const { trainPictures, validationPictures, testPictures } = dataset;
  const heldOut = validationPictures > 0 ? [`${validationPictures} validation`] : [];
  const pictures = [`${trainPictures} training`, ...heldOut].join(', ');
  return [
    ...machineLines(description),
    `data    ${shownPath(dataset.name)}: ${pictures} and ${testPictures} test pictures, ${dataset.classes} classes`,
    `model   ${shownPath(model.path)}`,
    `        ${archText(model.arch, model.width)}, stem ${model.stem}`,
  ];
}

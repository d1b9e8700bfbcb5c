import type { EvaluatorDescription, TrainerDescription } from '../index.js';
import { count } from './quantities.js';
import { shownPath } from './shownPath.js';

/** What computes, and how. */
export function machineLines(description: TrainerDescription | EvaluatorDescription): string[] {
  const { mocoVersion, libtorchVersion, device, deviceName } = description;
  const { computeThreads, dataThreads, precision, precisionReason } = description;
  const { viewsDevice, viewsReason } = description;
  const threads = `${count(computeThreads, 'compute thread')}, ${count(dataThreads, 'data thread')}`;
  return [
    `moco ${mocoVersion}, LibTorch ${libtorchVersion}`,
    `device  ${device} (${deviceName}), ${threads}`,
    `        ${precision}: ${precisionReason}`,
    ...(device === 'cpu' ? [] : [`        views made by ${viewsDevice}: ${viewsReason}`]),
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
    `data    ${dataset.name}: ${pictures} and ${testPictures} test pictures, ${dataset.classes} classes`,
    `model   ${shownPath(model.path)}`,
    `        ${model.arch}, stem ${model.stem}`,
  ];
}

import { relative } from 'node:path';
import type { ExportFormat, ExportResult } from '../index.js';
import { archText, inputLines, leftOutNote, tensorGroup } from './modelText.js';
import { printable } from './printable.js';
import { shownPath } from './shownPath.js';

const TITLES: Readonly<Record<ExportFormat, string>> = {
  onnx: 'ONNX',
  torchscript: 'TorchScript',
  safetensors: 'safetensors',
  pth: "PyTorch's .pth",
};

/** What was exported, and what was not. */
export function exportLines(result: ExportResult): string[] {
  const { out, format, model, description, leftOut, notes, comparison } = result;
  const { arch, width, stem, featureLength, featureDim } = description;
  const head = featureDim === undefined ? '' : `, and projections of ${featureDim}`;
  return [
    `wrote   ${shownPath(out)} (${TITLES[format]}: ${relative(out, model)})`,
    `model   ${archText(arch, width)} with the ${stem} stem: features of ${featureLength}${head}`,
    ...inputLines(description),
    ...comparisonLines(comparison),
    ...leftOutNote('left out', leftOut.map(tensorGroup)),
    ...notes.map((note) => `note: ${note}`),
  ].map(printable);
}

function comparisonLines(comparison: ExportResult['comparison']): string[] {
  if (comparison === undefined) return [];
  if ('reason' in comparison)
    return [`note: not compared with moco's own features: ${comparison.reason}`];
  const { pictures, deviation, bound } = comparison;
  const shares = `largest difference ${deviation.toExponential(1)} of the largest number, at most ${bound}`;
  return [`checks  onnxruntime and moco on ${pictures} pictures: ${shares}`];
}

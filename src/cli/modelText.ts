import type { Architecture, Conversion, FileInspection, LeftOut, MetricsRow } from '../index.js';
import { printable } from './printable.js';
import { count } from './quantities.js';
import { shownPath } from './shownPath.js';

const FORMATS: Readonly<Record<FileInspection['format'], string>> = {
  pth: "PyTorch's .pth",
  'legacy pth': "PyTorch's .pth of before 1.6",
  safetensors: 'safetensors',
};

/** How many groups of tensors a note lists. */
const LISTED = 10;

/** What is in a model file. */
export function inspectionLines(inspection: FileInspection): string[] {
  const { path, format, size, kind, prefix, metrics, config, leftOut, nonFinite, opaque } =
    inspection;
  return [
    `file    ${shownPath(path)} (${FORMATS[format]}, ${megabytes(size)})`,
    `kind    ${kind}`,
    `model   ${model(inspection)}`,
    ...(prefix === '' ? [] : [`        under ${prefix}`]),
    ...progress(inspection),
    ...inputLines(inspection),
    ...(metrics ? [`metrics last: ${values(metrics.last)}`] : []),
    ...(metrics ? [`        best: ${values(metrics.best)}`] : []),
    ...(config ? [`config  ${values(config)}`] : []),
    `checks  ${checksums(inspection.checksums)}`,
    ...leftOutNote('NaN or infinite', nonFinite.map(nonFiniteTensor)),
    ...leftOutNote('also in the file', leftOut.map(tensorGroup)),
    ...leftOutNote('not read, and not run', opaque.map(opaqueGroup)),
    ...modelNotes(inspection),
  ].map(printable);
}

/** What was converted, and what was not. */
export function conversionLines(conversion: Conversion): string[] {
  const { output, format, tensors, leftOut, valuesLeftOut, opaque } = conversion;
  return [
    `wrote ${shownPath(output)} (${FORMATS[format]}, ${tensors} tensors)`,
    ...leftOutNote('left out', [
      ...leftOut.map(tensorGroup),
      ...valuesLeftOut,
      ...opaque.map(opaqueGroup),
    ]),
    ...modelNotes(conversion),
  ].map(printable);
}

/** What a user should know of a model, or why it is none that moco knows. */
function modelNotes({ notes, misfit }: Pick<FileInspection, 'notes' | 'misfit'>): string[] {
  const reason = misfit === undefined ? [] : `no ResNet that moco knows: ${misfit}`.split('\n');
  return [...notes, ...reason].map((line) => (line.startsWith(' ') ? line : `note: ${line}`));
}

/** `resnet18`, and `resnet18 of width 0.5`. */
export function archText(arch: string, width: number): string {
  return width === 1 ? arch : `${arch} of width ${width}`;
}

/** What is told of a projection head: its layers, where they are not the reference's. */
function headText({ featureDim, head }: Architecture): string {
  if (featureDim === undefined || head === undefined) return '';
  const { layers, hiddenDim, batchNorm, lastBatchNorm } = head;
  const isUsual = layers === 2 && hiddenDim === 512 && batchNorm && lastBatchNorm === 'none';
  const hidden = layers > 1 ? ` of ${hiddenDim}${batchNorm ? '' : ' without BatchNorm'}` : '';
  const last = lastBatchNorm === 'none' ? '' : `, ${lastBatchNorm} BatchNorm at its end`;
  const own = isUsual ? '' : ` (${count(layers, 'layer')}${hidden}${last})`;
  return `, featureDim ${featureDim}${own}`;
}

function model({ architecture, parameters, tensors }: FileInspection): string {
  const size = `${millions(parameters)} parameters, ${tensors} tensors`;
  if (architecture === undefined) return `unknown, ${size}`;
  const { arch, width, stem } = architecture;
  return `${archText(arch, width)} with the ${stem} stem, ${size}${headText(architecture)}`;
}

function progress({ epoch, step, mocoVersion }: FileInspection): string[] {
  if (epoch === undefined) return [];
  const steps = step ? ` and ${count(step, 'step')}` : '';
  const by = mocoVersion === undefined ? '' : ` by moco ${mocoVersion}`;
  return [`trained ${count(epoch, 'epoch')}${steps}${by}`];
}

/** What a model sees of a picture, and what it was trained on. */
export function inputLines({
  input,
  trainedOn,
}: Pick<FileInspection, 'input' | 'trainedOn'>): string[] {
  const lines: string[] = [];
  if (input !== undefined) {
    const { imageSize, cropShare, mean, std } = input;
    const shorter = Math.round(imageSize / cropShare);
    const numbers = (values: readonly number[]) =>
      values.map((value) => value.toFixed(4)).join(' ');
    lines.push(
      `input   ${imageSize}×${imageSize}, the middle of a picture whose shorter side is ${shorter}`,
      `        mean ${numbers(mean)}, deviation ${numbers(std)}`,
    );
  }
  if (trainedOn !== undefined) {
    lines.push(`data    ${trainedOn.name}: ${trainedOn.pictures} pictures`);
  }
  return lines;
}

function checksums({ tensors, verified }: FileInspection['checksums']): string {
  if (verified === 0) return 'this file has no checksums: damage would go unseen';
  return `${verified} of ${tensors} tensors have a checksum, and all are right`;
}

function values(row: MetricsRow | Readonly<Record<string, unknown>>): string {
  return Object.entries(row)
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

function nonFiniteTensor({ name, values }: FileInspection['nonFinite'][number]): string {
  return `${count(values, 'value')} of ${name}`;
}

/** Tensors that are not used, by what their names have in common. */
export function tensorGroup({ name, tensors }: LeftOut): string {
  return `${name} (${count(tensors, 'tensor')})`;
}

/** `argparse.Namespace (args)`, `set (seen, also at 3 other places)` */
function opaqueGroup({ what, places, count: found }: FileInspection['opaque'][number]): string {
  const others = found > 1 ? `, and ${count(found - 1, 'other place')}` : '';
  return `${what} (${places[0]}${others})`;
}

/** A note that lists things, where there are any. */
export function leftOutNote(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > LISTED ? ` … (${items.length} in all)` : '';
  return [`note: ${title}: ${items.slice(0, LISTED).join(', ')}${more}`];
}

function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function millions(count: number): string {
  return count < 1e5 ? `${count}` : `${(count / 1e6).toFixed(1)} million`;
}

// What bench/kernels has measured, as Markdown. A row has, round by round, `seconds` of a call, and the
// rates at which the device copied (`copy`, bytes per second) and multiplied (`product`, operations per
// second) then.
import { median } from '../harness.mjs';
import { spread, table } from './markdown.mjs';

/** How each kind of row is shown. */
const TABLES = {
  ceilings: { title: 'Copy and matrix products', write: ceilingsTable },
  batch_norm: { title: 'Kernels of BatchNorm', write: layersTable },
  convolutions: { title: 'Convolutions', write: layersTable },
  folded: { title: 'Convolutions with BatchNorm folded into them', write: foldedTable },
};

/**
 * @param kind of kernels_bench
 * @param setting the network, in words
 * @param rows what kernels_bench has printed, parsed
 */
export function kernelTables(kind, setting, rows) {
  const { title, write } = TABLES[kind];
  const failures = rows.filter(({ failure }) => failure);
  const measured = rows.filter(({ failure }) => !failure);
  const lines = failures.map(({ layer, failure }) => `${layer} failed: ${failure}\n`);
  const heading = kind === 'ceilings' ? title : `${title}, ${setting}`;
  return [`# ${heading}\n`, ...write(measured), '', ...lines].join('\n');
}

function ceilingsTable(rows) {
  const cells = rows.flatMap(({ copy, product, product32 }) => [
    ['copy within the device, GB/s', spread(copy.map(giga), 0)],
    ['product in bf16, TFLOP/s', spread(product.map(tera), 1)],
    ['product in fp32 or TF32, TFLOP/s', spread(product32.map(tera), 1)],
  ]);
  return [table(['ceiling', 'median (range)'], cells)];
}

function layersTable(rows) {
  const computes = rows.some(({ operations }) => operations > 0);
  const head = ['layer', 'kernel', '× a step', 'µs', 'GB/s'];
  const cells = rows.map((row) => [
    ...[row.layer, row.pass, row.perStep, micro(row.seconds), rate(row, row.bytes, giga, 0)],
    ...(computes ? [rate(row, row.operations, tera, 1)] : []),
    percent(shareOfCeiling(row)),
  ]);
  return [
    table([...head, ...(computes ? ['TFLOP/s'] : []), 'of the ceiling'], cells),
    `\n${computes ? PRODUCT_CEILING : COPY_CEILING}\n`,
    table(['all layers of a step', 'ms', 'at the ceiling, ms', 'of the ceiling'], totals(rows)),
  ];
}

const COPY_CEILING = `Bytes are those of one pass over each tensor, each read or written once. The ceiling is a copy in the same
round; what only reads can be faster than a copy. Tensors are new in every call, so that the L2 cache does not serve.`;

const PRODUCT_CEILING = `The ceiling is the larger of two times, in the same round: that of a copy of as many bytes, and that of as
many operations in a product of large matrices.`;

/** Of each pass, the time of all its layers in one training step. */
function totals(rows) {
  const passes = [...new Set(rows.map(({ pass }) => pass))];
  const all = passes.map((pass) => {
    const own = rows.filter((row) => row.pass === pass);
    const sum = (secondsOf) => own.reduce((total, row) => total + row.perStep * secondsOf(row), 0);
    const seconds = sum((row) => median(row.seconds));
    return { pass, seconds, least: sum((row) => median(ceilingSeconds(row))) };
  });
  const whole = (key) => all.reduce((total, each) => total + each[key], 0);
  return [...all, { pass: 'together', seconds: whole('seconds'), least: whole('least') }].map(
    ({ pass, seconds, least }) => [pass, milli(seconds), milli(least), percent(least / seconds)],
  );
}

/** Fused and one by one, side by side. */
function foldedTable(rows) {
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  const cells = layers.map((layer) => {
    const [fused, plain] = ['fused', 'one by one'].map((name) =>
      rows.find(({ layer: other, pass }) => other === layer && pass === name),
    );
    if (!fused || !plain) return [layer, '–', '–', '–', '–', '–'];
    const ratios = fused.seconds.map((time, round) => plain.seconds[round] / time);
    return [
      ...[layer, fused.perStep, micro(fused.seconds), micro(plain.seconds)],
      ...[spread(ratios, 2), percent(shareOfCeiling(fused))],
    ];
  });
  const head = ['layer', '× in the network', 'fused, µs', 'one by one, µs'];
  return [table([...head, '× faster when fused', 'fused, of the ceiling'], cells)];
}

/** The time that a call would take at the ceilings of each round. */
function ceilingSeconds({ bytes, operations, copy, product }) {
  return copy.map((bandwidth, round) => Math.max(bytes / bandwidth, operations / product[round]));
}

/** The median over the rounds. */
function shareOfCeiling(row) {
  return median(ceilingSeconds(row).map((least, round) => least / row.seconds[round]));
}

function rate({ seconds }, amount, unit, digits) {
  return unit(amount / median(seconds)).toFixed(digits);
}

function giga(number) {
  return number / 1e9;
}

function tera(number) {
  return number / 1e12;
}

function micro(seconds) {
  return spread(
    seconds.map((time) => 1e6 * time),
    1,
  );
}

function milli(seconds) {
  return (1e3 * seconds).toFixed(2);
}

function percent(share) {
  return `${(100 * share).toFixed(0)} %`;
}

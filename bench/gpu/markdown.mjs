// What was measured, as Markdown.
import { median } from '../harness.mjs';

/** A table of a comparison; what failed stands below it. */
export function comparisonTable({ title, unit, results }) {
  const measured = results.filter(({ values }) => values.length > 0);
  const failed = results.filter(({ failure }) => failure);
  const bestPyTorch = fastest(measured.filter(({ name }) => name.startsWith('PyTorch tuned')));
  const rows = measured.map((result) => [
    result.name,
    spread(result.values, unit === 's' ? 2 : 0),
    ratios(result, results[0]),
    bestPyTorch ? ratios(result, bestPyTorch) : '–',
    result.memoryMiB === undefined ? '–' : `${result.memoryMiB}`,
  ]);
  return [
    `## ${title}\n`,
    table([title, unit, '× the reference', '× the best PyTorch', 'GPU memory, MiB'], rows),
    ...failed.map(({ name, failure }) => `\n${name} failed: ${failure}`),
    '',
  ].join('\n');
}

/** A Markdown table of rows of cells, below a head. */
export function table(head, rows) {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function fastest(results) {
  return results.toSorted((a, b) => median(a.seconds) - median(b.seconds))[0];
}

/** Each round's ratio to another contestant, which ran at nearly the same time. */
function ratios({ seconds }, baseline) {
  const rounds = Math.min(seconds.length, baseline.seconds.length);
  if (rounds === 0) return '–';
  const values = seconds.slice(0, rounds).map((time, round) => baseline.seconds[round] / time);
  return spread(values, 2);
}

/** Median and range. */
function spread(values, digits) {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${middle.toFixed(digits)} (${least.toFixed(digits)} – ${most.toFixed(digits)})`;
}

// What was measured, as Markdown.
import { median } from '../harness.mjs';
import { REFERENCE } from './contestants.mjs';

/**
 * A table of a comparison; what failed stands below it. Values are pictures per second where contestants
 * say how many pictures a run has, else seconds.
 */
export function comparisonTable({ title, results }) {
  const measured = results.filter(({ seconds }) => seconds.length > 0);
  const failed = results.filter(({ failure }) => failure);
  const unit = results.some(({ pictures }) => pictures) ? 'pictures/s' : 's';
  const columns = columnsOf(measured);
  const rows = measured.map((result) => [
    ...[result.name, valuesOf(result)],
    ...columns.map(({ cell }) => cell(result)),
  ]);
  return [
    `## ${title}\n`,
    table([title, unit, ...columns.map(({ head }) => head)], rows),
    ...failed.map(({ name, failure }) => `\n${name} failed: ${failure}`),
    '',
  ].join('\n');
}

/** Ratios where there is something to compare with, the first run where it was timed alone, memory. */
function columnsOf(measured) {
  const reference = measured.find(({ name }) => name === REFERENCE);
  const best = fastest(measured.filter(({ name }) => name.startsWith('PyTorch tuned')));
  const firstSeconds = ({ hello }) => hello?.firstSeconds?.toFixed(1) ?? '–';
  return [
    ...(reference
      ? [{ head: '× the reference', cell: (result) => ratios(result, reference) }]
      : []),
    ...(best ? [{ head: '× the best PyTorch', cell: (result) => ratios(result, best) }] : []),
    { head: 'the first, s', cell: firstSeconds },
    { head: 'GPU memory, MiB', cell: ({ memoryMiB }) => `${memoryMiB ?? '–'}` },
  ];
}

function valuesOf({ seconds, pictures }) {
  return pictures
    ? spread(
        seconds.map((time) => pictures / time),
        0,
      )
    : spread(seconds, 2);
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
export function spread(values, digits) {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${middle.toFixed(digits)} (${least.toFixed(digits)} – ${most.toFixed(digits)})`;
}

/** What is known of a setting, in one line. */
export function settingText(setting) {
  return Object.entries(setting)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${JSON.stringify(value)}`)
    .join(', ');
}

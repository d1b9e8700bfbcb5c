// How C++ tests ended, as Markdown, with the errors that they print beside their limits.
import { table } from './markdown.mjs';

/**
 * @param title of the table
 * @param results `{ file, outcome, seconds, output }` of each file of tests
 */
export function testTables(title, results) {
  const sorted = results.toSorted((a, b) => a.file.localeCompare(b.file));
  const rows = sorted.map(({ file, outcome, seconds }) => [file, outcome, seconds.toFixed(1)]);
  const errors = sorted
    .flatMap(({ file, output }) => errorsOf(output).map((error) => ({ file, ...error })))
    .toSorted((a, b) => b.share - a.share)
    .map(({ file, name, error, limit, share }) => [
      ...[file, name, error.toExponential(1), limit.toExponential(1)],
      `${(100 * share).toFixed(0)} %`,
    ]);
  const beside = ['## Errors beside their limits\n', table(ERRORS, errors), ''];
  return [
    `# ${title}\n`,
    table(['file', 'outcome', 's'], rows),
    '',
    ...(errors[0] ? beside : []),
  ].join('\n');
}

const ERRORS = ['file', 'test', 'error', 'limit', 'of the limit'];

/** `error: <test>: 1.2e-06 of 2e-06 (<what>)`, a line for each test that compares numbers. */
function errorsOf(output) {
  return [...output.matchAll(/^error: (.+): (\S+) of (\S+)(?: \((.+)\))?$/gm)].map(
    ([, name, error, limit, what]) => ({
      name: what ? `${name} (${what})` : name,
      error: Number(error),
      limit: Number(limit),
      share: Number(error) / Number(limit),
    }),
  );
}

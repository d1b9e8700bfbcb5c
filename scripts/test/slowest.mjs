// A reporter for Node's test runner: which files of tests took longest.
import { relative } from 'node:path';

const SHOWN = 15;

/** Reads the runner's events, and ends with a line for each of the slowest files. */
export default async function* slowest(events) {
  const seconds = new Map();
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting > 0) continue;
    const before = seconds.get(data.file) ?? 0;
    seconds.set(data.file, before + data.details.duration_ms / 1000);
  }
  const files = [...seconds].sort(([, a], [, b]) => b - a);
  yield `the slowest of ${files.length} files of tests:\n`;
  for (const [file, taken] of files.slice(0, SHOWN)) {
    yield `${taken.toFixed(0).padStart(7)} s  ${relative(process.cwd(), file)}\n`;
  }
}

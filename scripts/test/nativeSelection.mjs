/**
 * Options of the C++ tests' program (doctest), which takes one of each kind, with commas between filters
 * of it, and `\,` for a comma in one.
 */

/** Runs only the tests in files whose paths match one of these patterns. */
export function onlyFiles(patterns) {
  return [`--source-file=${patterns.join()}`];
}

/** Leaves out the tests of these names. */
export function withoutTests(names) {
  if (names.length === 0) return [];
  return [`--test-case-exclude=${names.map((name) => name.replaceAll(',', '\\,')).join()}`];
}

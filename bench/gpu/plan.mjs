// How the time of a part is divided among its steps.

/**
 * How many seconds a step may take: what is left but for what the steps after it need at least. The
 * steps stand in the order of their worth, so none gives up what it needs itself for a later one.
 * @param step `least` and `most` seconds; without `most`, it may take all that it is given. To an
 *   `essential` step, without which no other can run, nothing is kept back for those
 * @param left seconds until the part must end
 * @param later the steps after it
 * @returns undefined where less is left than the step needs
 */
export function secondsFor({ least, most = Number.POSITIVE_INFINITY, essential }, left, later) {
  if (left < least) return undefined;
  const kept = essential ? 0 : later.reduce((sum, step) => sum + step.least, 0);
  return Math.floor(Math.min(most, Math.max(least, left - kept)));
}

import type { z } from 'zod';

/** A rule between several keys. */
export interface CrossCheck<Config> {
  /** The key that a problem is reported for, and those that it is compared with. */
  readonly keys: readonly [string, ...string[]];
  /** @returns what is wrong, or undefined */
  problem(config: Config): string | undefined;
}

/** The rules as a refinement of a schema; one issue for each that is broken. */
export function checkTogether<Config>(checks: readonly CrossCheck<Config>[]) {
  return (config: Config, context: z.core.$RefinementCtx): void => {
    for (const { keys, problem } of checks) {
      const message = problem(config);
      if (message === undefined) continue;
      context.addIssue({ code: 'custom', path: [keys[0]], message, params: { keys } });
    }
  };
}

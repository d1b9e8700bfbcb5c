import { isDeepStrictEqual } from 'node:util';
import { configKeys } from '../config/commandConfig.js';
import { recipe } from '../config/recipes.js';
import { parseConfig } from '../config/resolve.js';
import { computeKeys, dataKeys } from '../config/sharedKeys.js';
import { type TrainConfig, trainCommand } from '../config/trainConfig.js';

/** Keys that are no part of any recipe that does not set them. */
const CIRCUMSTANCES: ReadonlySet<string> = new Set([
  ...Object.keys(dataKeys),
  ...Object.keys(computeKeys),
  ...['recipe', 'validation', 'shuffleWindow', 'initWeights', 'initPrefix', 'dataThreads', 'out'],
  ...['evalEvery', 'evalUntrained', 'bestBy', 'checkpointEvery', 'checkpointMinutes', 'cudaGraph'],
]);

/** The recipe that a run follows. */
export interface UsedRecipe {
  readonly name: string;
  readonly title: string;
  /** Why it was chosen; undefined where it was asked for. */
  readonly reason?: string | undefined;
  /** What differs from it, by key. */
  readonly changed: Readonly<Record<string, { readonly recipe: unknown; readonly run: unknown }>>;
}

/**
 * The recipe of a run, if there is one, and what was changed of it.
 * @param reason why it was chosen
 */
export function usedRecipe(config: TrainConfig, reason?: string): UsedRecipe | undefined {
  if (config.recipe === undefined) return undefined;
  const { name, title, settings } = recipe(config.recipe);
  const unchanged = parseConfig(trainCommand, { recipe: name });
  const keys = configKeys(trainCommand) as (keyof TrainConfig)[];
  const changed = keys.filter((key) => {
    const [there, here] = [unchanged[key], config[key]];
    const isSet = Object.hasOwn(settings, key);
    if (isSaidOtherwise(key, config)) return false;
    // Where the recipe leaves something to the run, what was settled is no change.
    if (!isSet && (CIRCUMSTANCES.has(key) || there === 'auto')) return false;
    return !isDeepStrictEqual(there, here);
  });
  const changes = changed.map((key) => [key, { recipe: unchanged[key], run: config[key] }]);
  return { name, title, ...(reason && { reason }), changed: Object.fromEntries(changes) };
}

/** Whether another key says how long the run is, from which this one follows. */
function isSaidOtherwise(key: string, { budget, steps }: TrainConfig): boolean {
  if (key === 'epochs') return steps !== undefined;
  return key === 'steps' && budget !== undefined;
}

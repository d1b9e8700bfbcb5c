import type { Recipe, RecipeAccuracy } from '../index.js';
import { tableLines } from './table.js';

const UNIT =
  'U: forward passes of a ResNet-18 (32 × 32) per picture over the whole run, a backward pass as two';

const HEADING = ['recipe', 'epochs', 'U', 'kNN', 'linear'];

/** All recipes, one a line. */
export function recipeTable(all: readonly Recipe[]): string[] {
  const rows = all.map(({ name, cost, title, ...recipe }) => [
    name,
    `${cost.epochs}`,
    `${cost.units}`,
    bestKnown(recipe, 'kNN'),
    bestKnown(recipe, 'linear'),
  ]);
  const [heading = '', ...figures] = tableLines([HEADING, ...rows]);
  const width = Math.max(...figures.map((line) => line.length), heading.length);
  return [
    heading,
    ...figures.map((line, index) => `${line.padEnd(width)}   ${all[index]?.title}`),
    '',
    UNIT,
    'kNN, linear: per cent, as the source measured it; ~: expected, and not measured yet',
    '`moco recipes show NAME` tells how, and lists the settings; `moco train --recipe NAME` takes them',
  ];
}

/** One recipe, with all that its file says. */
export function recipeLines(recipe: Recipe): string[] {
  const { name, title, source, year, published = [], expected = [], cost, notes = [] } = recipe;
  return [
    `${name}: ${title}`,
    `source     ${source} (${year})`,
    ...published.map((accuracy) => `published  ${accuracyText(accuracy)}`),
    ...expected.map((accuracy) => `expected   ${accuracyText(accuracy)}`),
    `cost       ${cost.epochs} epochs, ${cost.units} U`,
    ...notes.map((note) => `note       ${note}`),
    'settings',
    ...Object.entries(recipe.settings).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
  ];
}

function bestKnown(
  { published = [], expected = [] }: Pick<Recipe, 'published' | 'expected'>,
  what: RecipeAccuracy['what'],
): string {
  const isOf = (accuracy: RecipeAccuracy) => accuracy.what === what;
  const measured = published.find(isOf);
  if (measured !== undefined) return `${measured.value}`;
  const guessed = expected.find(isOf);
  return guessed === undefined ? '' : `~${guessed.value}`;
}

/** `kNN 80.9 % (k 200, temperature 0.5) on the backbone's features, CIFAR-10, 500 epochs: …` */
function accuracyText(accuracy: RecipeAccuracy): string {
  const { what, value, plusMinus, k, temperature, feature, dataset, epochs, protocol } = accuracy;
  const spread = plusMinus === undefined ? '' : ` ± ${plusMinus}`;
  const vote = [
    ...(k === undefined ? [] : [`k ${k}`]),
    ...(temperature === undefined ? [] : [`temperature ${temperature}`]),
  ].join(', ');
  const how = vote === '' ? '' : ` (${vote})`;
  const features = feature === 'backbone' ? "the backbone's features" : 'the projection';
  return `${what} ${value}${spread} %${how} on ${features}, ${dataset}, ${epochs} epochs: ${protocol}`;
}

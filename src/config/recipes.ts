import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { requireArguments } from '../arguments/check.js';
import { unknownName } from '../arguments/names.js';
import { MocoError } from '../error.js';
import { packageRoot } from '../packageRoot.js';

const FOLDER = join(packageRoot, 'recipes');

const text = z.string().min(1);

/** How good an encoder is, and how that was measured. */
const accuracySchema = z.strictObject({
  what: z.enum(['kNN', 'linear']),
  /** Top-1, per cent. */
  value: z.number().min(0).max(100),
  /** How far off the value may be. */
  plusMinus: z.number().gt(0).optional(),
  /** Neighbours that vote, and what divides their similarities. */
  k: z.int().min(1).optional(),
  temperature: z.number().gt(0).optional(),
  /** What is classified: the backbone's feature, or the projection that the loss compares. */
  feature: z.enum(['backbone', 'projection']),
  dataset: text,
  epochs: z.int().min(1),
  protocol: text,
});

const recipeSchema = z.strictObject({
  name: text,
  title: text,
  /** Paper or repository. */
  source: text,
  year: z.int(),
  /** What the source measured. */
  published: z.array(accuracySchema).optional(),
  /** What is expected of a recipe of moco's own that was not measured yet. */
  expected: z.array(accuracySchema).optional(),
  cost: z.strictObject({
    epochs: z.int().min(1),
    /**
     * Forward passes of a ResNet-18 (CIFAR stem, 32 × 32) per training picture over the whole run, in
     * multiply-adds; a backward pass counts as two.
     */
    units: z.number().gt(0),
  }),
  /** Where the settings are not the source's, and what else should be known. */
  notes: z.array(text).optional(),
  /** Keys of `moco train`. */
  settings: z.record(text, z.unknown()),
});

/** An experiment as data: settings of `moco train`, where they are from, and what they cost. */
export type Recipe = Readonly<z.infer<typeof recipeSchema>>;

/** How good an encoder is by a recipe's source, or is expected to be. */
export type RecipeAccuracy = Readonly<z.infer<typeof accuracySchema>>;

/** The names of all recipes. */
export const RECIPE_NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => basename(file, '.json'))
  .sort();

/** All recipes, from the one that costs the least. */
export function recipes(): readonly Recipe[] {
  return RECIPE_NAMES.map(readRecipe).sort((one, other) => one.cost.units - other.cost.units);
}

/**
 * A recipe by its name.
 * @throws MocoError `ERR_MOCO_CONFIG` where there is none of that name
 */
export function recipe(name: string): Recipe {
  requireArguments('recipe', { name: z.string('a text') }, { name });
  if (RECIPE_NAMES.includes(name)) return readRecipe(name);
  throw new MocoError('ERR_MOCO_CONFIG', `${name}: ${unknownName('recipe', name, RECIPE_NAMES)}`, {
    hint: '`moco recipes` lists them all.',
  });
}

function readRecipe(name: string): Recipe {
  return recipeSchema.parse(JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')));
}

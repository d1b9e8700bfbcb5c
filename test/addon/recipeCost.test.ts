import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchCommand } from '#moco/config/benchConfig.js';
import { RECIPE_NAMES, recipe } from '#moco/config/recipes.js';
import { parseConfig } from '#moco/config/resolve.js';
import { loadAddon } from '#moco/native/load.js';

/** What of a recipe's settings decides how much there is to compute. */
interface Settings {
  readonly arch: 'resnet18' | 'resnet50';
  readonly stem?: 'cifar' | 'imagenet';
  readonly imageSize?: number;
  readonly featureDim: number;
  readonly headLayers?: number;
  readonly headHiddenDim?: number;
  readonly predictorLayers?: number;
  readonly predictorHiddenDim?: number;
  readonly keyEncoder?: 'momentum' | 'shared';
  readonly views?: readonly { role: string; count?: number; size?: number }[];
  readonly epochs: number;
}

const FEATURES = { resnet18: 512, resnet50: 2048 };

const known = new Map<string, number>();

/** Multiply-adds of a backbone's forward pass, as the core counts them. */
async function backbone(arch: string, stem: 'cifar' | 'imagenet', side: number): Promise<number> {
  const key = `${arch} ${stem} ${side}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const compute = { arch, device: 'cpu', batchSize: 2, m: 8, threads: 1, dataThreads: 1 };
  const settings = parseConfig(benchCommand, compute);
  const sizes = { imageSize: side, storedSize: side, stem, precision: 'fp32' } as const;
  const benchmark = await loadAddon().createBenchmark({ ...settings, ...sizes });
  await benchmark.dispose();
  const count = benchmark.description.multiplyAdds.backbone;
  known.set(key, count);
  return count;
}

/** Multiply-adds of linear layers, one after the other. */
function linear(input: number, hidden: number, output: number, layers: number): number {
  if (layers === 0) return 0;
  const sizes = [input, ...Array<number>(layers - 1).fill(hidden), output];
  return sizes.slice(1).reduce((sum, size, index) => sum + size * (sizes[index] as number), 0);
}

/** What `cost.units` of a recipe says, from its settings. */
async function units(settings: Settings): Promise<number> {
  const { arch, stem = 'cifar', imageSize = 32, featureDim, keyEncoder, epochs } = settings;
  const { headLayers = 2, headHiddenDim = 512 } = settings;
  const { predictorLayers = 0, predictorHiddenDim = 512 } = settings;
  const head = linear(FEATURES[arch], headHiddenDim, featureDim, headLayers);
  const predictor = linear(featureDim, predictorHiddenDim, featureDim, predictorLayers);
  let perPicture = 0;
  for (const { role, count = 1, size = imageSize } of settings.views ?? [
    { role: 'student' },
    { role: 'teacher' },
  ]) {
    const forward = (await backbone(arch, stem, size)) + head;
    const student = role === 'teacher' ? 0 : 3 * (forward + predictor);
    const teacher = role === 'student' || keyEncoder === 'shared' ? 0 : forward;
    perPicture += count * (student + teacher);
  }
  return (epochs * perPicture) / (await backbone('resnet18', 'cifar', 32));
}

for (const name of RECIPE_NAMES) {
  test(`recipe ${name} costs what its file says`, async () => {
    const { cost, settings } = recipe(name);
    const defaults = { arch: 'resnet50', featureDim: 128, epochs: 500 } as const;
    assert.equal(cost.units, Math.round(await units({ ...defaults, ...settings })));
  });
}

import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { convertModel, type KnnResult, knn, linear } from 'moco-node';
import { loadDataset } from '#moco/data/load.js';
import { safetensors } from '../support/safetensorsFile.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { runPython, skip } from './python.js';

const ARCHS = ['resnet18', 'resnet34', 'resnet50'] as const;
const FORMATS = ['pth', 'safetensors'] as const;

/** The pictures that both Python and moco measure an encoder on. */
const MEASURED = {
  dataset: 'shapes',
  trainLimit: 12,
  testLimit: 8, // so that per cents are exact
  seed: 0,
  device: 'cpu',
  precision: 'fp32',
  threads: 1,
} as const;

/** What Python measured of an encoder. */
interface Measured {
  readonly knn: { top1: number; top5: number; confusion: number[][] }[];
  readonly margin: number;
  readonly linear: { loss: number; top1: number; top5: number };
}

const folder = temporaryFolder();
before(async () => {
  if (skip) return;
  await writePictures();
  runPython('round_trip.py', 'write', folder);
});

const file = (name: string) => join(folder, name);

/** Writes the pictures in the form in which Python reads them. */
async function writePictures(): Promise<void> {
  const { train, test, mean, std } = await loadDataset({ ...MEASURED, dataRoot: folder });
  const parts = {
    mean: { dtype: 'F64', shape: [3], data: new Float64Array(mean) },
    std: { dtype: 'F64', shape: [3], data: new Float64Array(std) },
    train: { dtype: 'U8', shape: [train.count, 32, 32, 3], data: train.pixels },
    train_labels: { dtype: 'I32', shape: [train.count], data: train.labels },
    test: { dtype: 'U8', shape: [test.count, 32, 32, 3], data: test.pixels },
    test_labels: { dtype: 'I32', shape: [test.count], data: test.labels },
  };
  let end = 0;
  const header = Object.entries(parts).map(([name, { data, ...entry }]) => {
    const begin = end;
    end += data.byteLength;
    return [name, { ...entry, data_offsets: [begin, end] }];
  });
  const bytes = Object.values(parts).map(({ data }) => Buffer.from(data.buffer));
  const content = safetensors(Object.fromEntries(header), Buffer.concat(bytes));
  await writeFile(file('pictures.safetensors'), content);
}

/** Converts a file; returns the paths of both. */
async function converted(source: string, format: string): Promise<[from: string, to: string]> {
  const paths = [file(source), file(`${source}.${format}`)] as const;
  await convertModel(...paths);
  return [...paths];
}

test('tensors of every dtype and layout go from Python to moco and back, bit for bit', {
  skip,
}, async () => {
  const pairs: string[] = [];
  for (const source of ['tensors.pth', 'tensors_legacy.pth', 'tensors.safetensors']) {
    for (const format of FORMATS) {
      pairs.push(...(await converted(source, format)));
      for (const back of FORMATS) pairs.push(...(await converted(`${source}.${format}`, back)));
    }
  }
  runPython('round_trip.py', 'compare', ...pairs);
});

test('tensors without elements go from Python to moco and back', { skip }, async () => {
  const pairs: string[] = [];
  for (const format of FORMATS) pairs.push(...(await converted('empty.safetensors', format)));
  runPython('round_trip.py', 'compare', ...pairs);
});

test('every encoder goes from Python to moco and back, bit for bit', { skip }, async () => {
  const pairs: string[] = [];
  for (const arch of ARCHS) {
    pairs.push(...(await converted(`${arch}.pth`, 'safetensors')));
    pairs.push(...(await converted(`${arch}_legacy.pth`, 'pth')));
    pairs.push(...(await converted(`${arch}.safetensors`, 'pth')));
  }
  runPython('round_trip.py', 'compare', ...pairs);
});

test("encoders get torchvision's names and the reference's again, bit for bit", {
  skip,
}, async () => {
  const pairs: string[] = [];
  for (const arch of ARCHS) {
    for (const format of FORMATS) {
      const [named, back] = [file(`${arch}_named.${format}`), file(`${arch}_back.${format}`)];
      await convertModel(file(`${arch}.pth`), named, { names: 'torchvision' });
      await convertModel(named, back, { names: 'reference' });
      pairs.push(file(`${arch}.pth`), back);
    }
  }
  runPython('round_trip.py', 'compare', ...pairs);
});

test('an encoder that is compiled, wrapped and nested is the same, bit for bit', {
  skip,
}, async () => {
  const pairs: string[] = [];
  for (const arch of ARCHS) {
    const [, output] = await converted(`${arch}_wrapped.pth`, 'pth');
    pairs.push(file(`${arch}.pth`), output);
  }
  runPython('round_trip.py', 'compare', ...pairs);
});

/** Measures an encoder that Python wrote with moco, in each format that it was written in. */
async function measureByMoco(arch: (typeof ARCHS)[number]) {
  const results: KnnResult['results'][] = [];
  for (const ending of ['.pth', '_legacy.pth', '.safetensors']) {
    const modelPath = file(arch + ending);
    const result = await knn({ ...MEASURED, arch, modelPath, k: 3, temperature: [0.07, 0.5] });
    results.push(result.results);
  }
  const once = { frozenBn: true, epochs: 1, batchSize: 6, out: file(arch) };
  const last = await linear({ ...MEASURED, arch, modelPath: file(`${arch}.pth`), ...once });
  assert.ok(last.type === 'done');
  await rename(last.files.lastModel, file(`${arch}_linear.pth`));
  return { arch, results, probe: last.best.test };
}

test("moco's measures of Python's encoders are Python's, and so are its linear models", {
  skip,
}, async () => {
  const byMoco = await Promise.all(ARCHS.map(measureByMoco));
  const byPython = JSON.parse(runPython('round_trip.py', 'measure', folder, ...ARCHS));
  for (const { arch, results, probe } of byMoco) {
    const expected: Measured = byPython[arch];
    assert.ok(expected.margin > 1e-5, `rounding could decide who votes: ${expected.margin}`);
    for (const result of results) {
      const found = result.map(({ top1, top5, confusion }) => ({ top1, top5, confusion }));
      assert.deepEqual(found, expected.knn, arch);
    }
    assert.deepEqual([probe.top1, probe.top5], [expected.linear.top1, expected.linear.top5]);
    const deviation = Math.abs(probe.loss / expected.linear.loss - 1);
    assert.ok(deviation < 1e-5, `${arch}: the test loss is off by ${deviation}`);
  }
});

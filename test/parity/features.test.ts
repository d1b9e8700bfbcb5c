import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { FEATURE_FORMATS, type FeatureFormatName } from '#moco/features/featureFormats.js';
import { bytesOf, featureContent } from '../support/featureContent.js';
import { writeAs } from '../support/partialRows.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { runPython, skip } from './python.js';

/** What Python finds in a file. */
interface Read {
  readonly dtype?: string;
  readonly names?: readonly string[];
  readonly labels?: readonly (string | null)[];
  readonly rows: readonly (readonly number[])[];
}

const NUMBERS = Float32Array.of(1 / 3, -0, 1e-45, 3.4028235e38, 16777217, 0.1);

/** In fp16: 1, −2, 65504, 2⁻²⁴, about a third, and −0. */
const HALVES = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555, 0x8000);
const OF_HALVES = [1, -2, 65504, 2 ** -24, 0.333251953125, -0];

/** Writes some features in a format, and has Python read them. */
async function readByPython(
  folder: string,
  format: FeatureFormatName,
  dtype: 'F32' | 'F16',
): Promise<Read | null> {
  const path = join(folder, `${dtype}.${format}`);
  const numbers = dtype === 'F32' ? NUMBERS : HALVES;
  await writeAs(FEATURE_FORMATS[format], path, featureContent({ dtype }), bytesOf(numbers));
  return JSON.parse(runPython('read_features.py', path));
}

for (const format of ['npy', 'csv', 'parquet', 'safetensors'] as const) {
  test(`Python reads the features, names and labels of a .${format}`, { skip }, async (t) => {
    for (const [dtype, expected] of [
      ['F32', [...NUMBERS]],
      ['F16', OF_HALVES],
    ] as const) {
      const read = await readByPython(temporaryFolder(t), format, dtype);
      if (read === null) return t.skip('Python has no pyarrow');
      assert.deepEqual(read.rows.flat(), expected);
      const isArray = format === 'npy' || format === 'safetensors';
      if (isArray) assert.equal(read.dtype, dtype === 'F32' ? 'float32' : 'float16');
      if (format === 'npy') continue;
      assert.deepEqual(read.names, featureContent().ids);
      assert.deepEqual(read.labels, ['dog', null, 'cat']);
    }
  });
}

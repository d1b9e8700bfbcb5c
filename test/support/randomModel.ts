import { writeFile } from 'node:fs/promises';
import type { Layout } from '#moco/model/backboneLayout.js';
import { safetensors } from './safetensorsFile.js';

/** Where a kind of number may lie, as in a trained network; weights are scaled by their fan-in. */
const RANGES: readonly (readonly [ending: RegExp, low: number, high: number])[] = [
  [/running_var$/, 0.5, 1.5],
  [/(bn\d|downsample\.1|[fg]\.1)\.weight$/, 0.5, 1],
  [/(running_mean|bias)$/, -0.2, 0.2],
];

/** Writes a model of random numbers, the same for the same layout: fp32, and counters of zero. */
export async function writeRandomModel(
  path: string,
  layout: Layout,
  metadata: Record<string, string> = {},
): Promise<void> {
  const random = generator();
  const tensors: Record<string, unknown> = { __metadata__: metadata };
  const parts: Buffer[] = [];
  let end = 0;
  for (const { name, shape } of layout) {
    const isCounter = name.endsWith('.num_batches_tracked');
    const data = isCounter ? new BigInt64Array(1) : numbers(name, shape, random);
    const begin = end;
    end += data.byteLength;
    parts.push(Buffer.from(data.buffer));
    tensors[name] = { dtype: isCounter ? 'I64' : 'F32', shape, data_offsets: [begin, end] };
  }
  await writeFile(path, safetensors(tensors, Buffer.concat(parts)));
}

/** Bytes of pictures, the same every time. */
export function randomBytes(length: number): Uint8Array {
  const random = generator();
  return Uint8Array.from({ length }, () => Math.floor(256 * random()));
}

function numbers(name: string, shape: readonly number[], random: () => number): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  const bound = Math.sqrt((6 * (shape[0] ?? 1)) / length); // variance 2 / fan-in
  const [, low, high] = RANGES.find(([ending]) => ending.test(name)) ?? [undefined, -bound, bound];
  const data = new Float32Array(length);
  for (let i = 0; i < length; i++) data[i] = low + (high - low) * random();
  return data;
}

/** Numbers from 0 to 1: a linear congruential generator (Numerical Recipes). */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

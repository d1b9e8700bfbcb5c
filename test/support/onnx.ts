import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web';
import type { OnnxRuntime } from '#moco/export/onnxRuntime.js';

// Workers would keep a test's process open.
ort.env.wasm.numThreads = 1;

/** What `loadOnnxRuntime` gives where onnxruntime-node is installed. */
export const onnxRuntime: OnnxRuntime = {
  InferenceSession: {
    create: async (path) => (await ort.InferenceSession.create(await readFile(path))) as never,
  },
  Tensor: ort.Tensor as never,
};

/** Outputs of a model, by their names. */
export type OnnxOutputs = Readonly<
  Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>
>;

/**
 * Runs an ONNX file with onnxruntime, which is compiled to WebAssembly here: the same operators as
 * onnxruntime-node's, from a package that installs without downloads.
 * @param pixels `pixel_values`, of shape (batch, 3, side, side)
 */
export async function runOnnx(
  path: string,
  pixels: Float32Array,
  side: number,
): Promise<OnnxOutputs> {
  const session = await ort.InferenceSession.create(await readFile(path));
  try {
    const dims = [pixels.length / (3 * side * side), 3, side, side];
    const outputs = await session.run({ pixel_values: new ort.Tensor('float32', pixels, dims) });
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { dims, data }]) => {
        return [name, { dims, data: Float32Array.from(data as Float32Array) }];
      }),
    );
  } finally {
    await session.release();
  }
}

/** The largest difference of two lists of numbers, as a share of the largest number. */
export function deviation(found: Float32Array, expected: Float32Array): number {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const differences = expected.map((value, index) => Math.abs(value - (found[index] as number)));
  return Math.max(...differences) / largest;
}

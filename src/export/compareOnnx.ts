import { MocoError } from '../error.js';
import type { ModelInput } from '../model/modelInput.js';
import { OUTPUTS } from './onnxModel.js';
import type { OnnxRuntime } from './onnxRuntime.js';
import { INPUT, PROJECTION } from './steps.js';
import { normalised, trialPictures } from './trialPictures.js';

/** What moco itself makes of pictures: rows one after the other. */
export type OwnRows = (
  pictures: readonly Uint8Array[],
  output: 'features' | 'projection',
) => Promise<Float32Array>;

/** How far an exported model and moco differ, in fp32. */
export interface OnnxComparison {
  /** How many pictures were computed by both. */
  readonly pictures: number;
  /** The largest difference of two numbers, as a share of the largest number of that output. */
  readonly deviation: number;
  /** What it may be at most. */
  readonly bound: number;
}

/** Both round in fp32, in another order: some 1e-6 was seen; a wrong layer makes far more. */
const BOUND = 1e-4;

/**
 * Computes a few pictures of noise with an exported model and with moco.
 * @throws MocoError `ERR_MOCO_NATIVE` where they differ by more than rounding, or the runtime fails
 */
export async function compareOnnx(
  runtime: OnnxRuntime,
  path: string,
  input: ModelInput,
  hasHead: boolean,
  own: OwnRows,
): Promise<OnnxComparison> {
  const pictures = trialPictures(input);
  const rows = await computed(runtime, path, normalised(pictures, input), input.imageSize);
  const features = await own(pictures, 'features');
  const deviations = [
    deviation(rows(OUTPUTS.features), features),
    deviation(rows(OUTPUTS.pooled), features),
    hasHead ? deviation(rows(PROJECTION), await own(pictures, 'projection')) : 0,
  ];
  const found = { pictures: pictures.length, deviation: Math.max(...deviations), bound: BOUND };
  if (found.deviation <= BOUND) return found;
  throw differing(found);
}

/** The outputs of an exported model, by their names. */
async function computed(
  { InferenceSession, Tensor }: OnnxRuntime,
  path: string,
  pixels: Float32Array,
  side: number,
): Promise<(output: string) => Float32Array> {
  try {
    const session = await InferenceSession.create(path);
    const dims = [pixels.length / (3 * side * side), 3, side, side];
    const outputs = await session.run({ [INPUT]: new Tensor('float32', pixels, dims) });
    await session.release();
    return (output) => outputs[output]?.data as Float32Array;
  } catch (cause) {
    const message = `onnxruntime cannot run the export: ${(cause as Error).message}`;
    throw new MocoError('ERR_MOCO_NATIVE', message, {
      hint: 'Nothing was written. Try another version of onnxruntime-node.',
      cause,
    });
  }
}

/** NaN in either makes it NaN, which is within no bound. */
function deviation(found: Float32Array, expected: Float32Array): number {
  let [largest, difference] = [0, 0];
  for (const [index, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - (found[index] ?? Number.NaN)));
  }
  return largest === 0 ? difference : difference / largest;
}

function differing({ deviation, bound }: OnnxComparison): MocoError {
  const message = `onnxruntime computes something else than moco: a share of ${deviation.toExponential(1)}, at most ${bound} is rounding`;
  return new MocoError('ERR_MOCO_NATIVE', message, {
    hint: 'Nothing was written. Try it without folding (foldBatchNorm: false), and another version of onnxruntime-node.',
  });
}

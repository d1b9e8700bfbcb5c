import { z } from 'zod';
import * as check from '../arguments/check.js';
import { computeKeys, modelKeys, STEMS } from '../config/sharedKeys.js';
import { modelInputSchema } from '../model/modelInput.js';

/** How an encoder is loaded and computes. */
export interface LoadEncoderOptions {
  /** `auto` (where absent), `cpu`, `cuda`, `cuda:<n>`. */
  readonly device?: string | undefined;
  /** `auto` (where absent) takes bf16 where the device is fast at it. */
  readonly precision?: 'auto' | 'fp32' | 'bf16' | undefined;
  /** On a GPU, fp32 rounds factors to TF32; true where absent. */
  readonly tf32?: boolean | undefined;
  /** Threads that compute on the CPU; `auto` where absent. */
  readonly threads?: 'auto' | number | undefined;
  /** The backbone, where the file is to be of no other one. */
  readonly arch?: Exclude<z.output<typeof modelKeys.arch>, 'auto'> | undefined;
  /** `cifar-pool` where max-pooling follows the 3×3 stem, which only moco's own files say. */
  readonly stem?: (typeof STEMS)[number] | undefined;
  /** Where the encoder is in its file, if there are several: how the names of its tensors begin. */
  readonly prefix?: string | undefined;
  /**
   * What the encoder sees of a picture, for a file that does not say it: the shorter side is resized to
   * `imageSize / cropShare`, the middle of `imageSize` × `imageSize` pixels is cut out …
   */
  readonly imageSize?: number | undefined;
  /** 1 where absent. */
  readonly cropShare?: number | undefined;
  /** … and normalised: (byte / 255 − mean) / std, for R, G and B. */
  readonly mean?: readonly [number, number, number] | undefined;
  readonly std?: readonly [number, number, number] | undefined;
  /** The most pictures that are computed at once; chosen by device and size where absent. */
  readonly batchSize?: number | undefined;
  /** The most pictures that may wait or be worked on; a call beyond it waits. 1024 where absent. */
  readonly maxQueue?: number | undefined;
  /**
   * Computes each picture alone, so that its row is the same, bit for bit, whatever is asked for with
   * it; takes about 2 times as long with 224 × 224 pixels, 6 times with 32 × 32. Without it, rows may differ by rounding: docs/api.md says by how much.
   */
  readonly batchInvariant?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const { imageSize, cropShare, mean, std } = modelInputSchema.shape;

/** A check of `config` or `model`, in the words of the checks of arguments. */
const as = (schema: z.ZodType, words: string) =>
  z.custom((value) => schema.safeParse(value).success, words).optional();

const upTo = (most: number) => as(z.int().min(1).max(most), `a whole number from 1 to ${most}`);

export const LOAD_ENCODER_ARGUMENTS = {
  modelPath: check.path,
  options: check.options<LoadEncoderOptions>({
    device: as(computeKeys.device, 'auto, cpu, cuda or cuda:<n>'),
    precision: check.oneOf(['auto', 'fp32', 'bf16']),
    tf32: check.flag,
    threads: as(computeKeys.threads, 'auto, or a whole number from 1 to 1024'),
    arch: check.oneOf(modelKeys.arch.unwrap().options.filter((name) => name !== 'auto')),
    stem: check.oneOf(STEMS),
    prefix: check.text,
    imageSize: as(imageSize, 'a whole number from 1 to 4096'),
    cropShare: as(cropShare, 'a number above 0, up to 1'),
    mean: as(mean, 'three numbers'),
    std: as(std, 'three numbers'),
    batchSize: upTo(65_536),
    maxQueue: upTo(1_048_576),
    batchInvariant: check.flag,
    signal: check.signal,
  }),
};

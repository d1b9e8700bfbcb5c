import type { TrainConfig } from '../config/trainConfig.js';
import type { NativeComputeDescription } from './compute.js';

/** What decides the tensors of an encoder; a configuration of `train` says it, too. */
export interface NativeEncoderShape
  extends Pick<
    TrainConfig,
    'width' | 'headLayers' | 'headHiddenDim' | 'headBatchNorm' | 'headLastBatchNorm'
  > {
  readonly arch: string;
  readonly stem: string;
  /** Length of the projection head's output; 0 where there is no head. */
  readonly featureDim: number;
}

/** Which encoder to compute with, what it sees of a picture, and how to compute. */
export interface NativeEncoderConfig
  extends NativeEncoderShape,
    Pick<
      TrainConfig,
      'device' | 'precision' | 'tf32' | 'deterministic' | 'threads' | 'dataThreads' | 'cudaGraph'
    > {
  /** Side of what the encoder sees, in pixels. */
  readonly imageSize: number;
  /** Share of a picture's side that it sees, around the middle. */
  readonly cropShare: number;
  /** Height and width of the pictures that it is given; `auto`: `imageSize / cropShare`. */
  readonly side: number | 'auto';
  /** Of R, G and B, on the 0…1 scale. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The most pictures that are computed at once. */
  readonly batchSize: number | 'auto';
  /** Whether the rows of a picture are the same, bit for bit, whatever is computed with it. */
  readonly batchInvariant: boolean;
}

/** What the addon decided for an encoder. */
export interface NativeEncoderDescription extends NativeComputeDescription {
  /** Height and width of the pictures that it is given. */
  readonly side: number;
  readonly batchSize: number;
  readonly featureLength: number;
  /** 0 where there is no head. */
  readonly projectionLength: number;
  /** Memory that the model takes, in bytes. */
  readonly heldBytes: number;
}

/** What is asked of some pictures. */
export interface NativeEmbedRequest {
  /** By which the request can be given up; no other one that has not ended has it. */
  readonly id: number;
  readonly count: number;
  readonly output: 'features' | 'projection';
  /** Whether each row is divided by its length. */
  readonly normalize: boolean;
  readonly dtype: 'fp32' | 'fp16';
}

/** How many pictures an encoder has seen, and in which batches. */
export interface NativeEncoderStatistics {
  /** Pictures that wait for a batch. */
  readonly waiting: number;
  readonly batches: number;
  /** That were in those batches. */
  readonly pictures: number;
  /** That the backbone has computed for. */
  readonly seconds: number;
  /** How many batches had so many pictures, in order. */
  readonly batchSizes: readonly { readonly pictures: number; readonly batches: number }[];
}

/** A frozen encoder in the addon, on a thread of its own, and the queue of what waits for it. */
export interface NativeEncoder {
  readonly description: NativeEncoderDescription;
  /**
   * Embeds pictures, together with those of other requests that wait, in turn.
   * @param pixels together `count` × side × side × 3 bytes, which are copied at the call
   * @returns `count` rows; for `fp16`, the bits of their numbers. Rejects with `ERR_MOCO_NON_FINITE`
   * where the features are not finite, `_ABORTED` after `cancel`
   */
  embed(
    pixels: readonly Uint8Array[],
    request: NativeEmbedRequest,
  ): Promise<Float32Array | Uint16Array>;
  /** Gives a request up: its promise rejects with `ERR_MOCO_ABORTED`, unless it has ended. */
  cancel(id: number): void;
  statistics(): NativeEncoderStatistics;
  /** Gives all requests up. */
  stop(): void;
  /** The same, joins the thread and frees all tensors. Can be called more than once. */
  dispose(): Promise<void>;
}

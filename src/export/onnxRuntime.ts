import { MocoError } from '../error.js';

/** What is used of onnxruntime-node, whose types come with it where it is installed. */
export interface OnnxRuntime {
  readonly InferenceSession: { create(path: string): Promise<OnnxSession> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}

export interface OnnxSession {
  run(inputs: Readonly<Record<string, object>>): Promise<Readonly<Record<string, OnnxOutput>>>;
  release(): Promise<void>;
}

export interface OnnxOutput {
  readonly data: unknown;
}

/** The compiler must not look for it: it is not among what moco itself installs. */
const PACKAGE: string = 'onnxruntime-node';

/**
 * The runtime that an exported model is tried with; undefined where it is not installed.
 * @throws MocoError `ERR_MOCO_NATIVE` where it is installed and cannot be loaded
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime | undefined> {
  try {
    const { default: runtime } = await import(PACKAGE);
    return runtime;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    const [reason] = String((cause as Error).message).split('\n');
    const message = `the export is tried with ${PACKAGE}, which cannot be loaded: ${reason}`;
    throw new MocoError('ERR_MOCO_NATIVE', message, {
      hint: `Install it anew, or remove it: npm install ${PACKAGE}`,
      cause,
    });
  }
}

import { throwIfAborted } from '../abort.js';
import type { ExportConfig } from '../config/exportConfig.js';
import { loadEncoder } from '../embed/loadEncoder.js';
import { compareOnnx, type OnnxComparison } from './compareOnnx.js';
import type { ExportedModel } from './modelConfig.js';
import { loadOnnxRuntime } from './onnxRuntime.js';
import { storedSide } from './trialPictures.js';

/** Why an exported model was not compared with moco. */
export interface NotCompared {
  readonly reason: string;
}

/**
 * Compares an ONNX file with moco's own features of the model that it was made of, in fp32 on the CPU,
 * where onnxruntime-node is installed.
 * @throws MocoError as `compareOnnx` and `loadEncoder`; `ERR_MOCO_ABORTED` after the signal
 */
export async function compareWithOwn(
  path: string,
  { modelPath, prefix }: Pick<ExportConfig, 'modelPath' | 'prefix'>,
  { stem, input, featureDim }: ExportedModel,
  signal?: AbortSignal | undefined,
  loadRuntime = loadOnnxRuntime,
): Promise<OnnxComparison | NotCompared> {
  const runtime = await loadRuntime();
  if (runtime === undefined) return { reason: 'onnxruntime-node is not installed' };
  throwIfAborted(signal, 'the export');
  const options = { device: 'cpu', precision: 'fp32', prefix, stem, signal, ...input } as const;
  await using encoder = await loadEncoder(modelPath, options);
  const [width, height] = [storedSide(input), storedSide(input)];
  return await compareOnnx(
    runtime,
    path,
    input,
    featureDim !== undefined,
    async (pictures, output) => {
      const raw = pictures.map((data) => ({ data, width, height, channels: 3 }) as const);
      return (await encoder.embed(raw, { output, signal })).data;
    },
  );
}

import type { EmbedConfig } from '../config/embedConfig.js';
import { describeModel } from '../model/description.js';
import type { ModelInput } from '../model/modelInput.js';
import { readModel } from '../model/readModel.js';
import type { Encoder } from './encoder.js';
import { loadEncoder } from './loadEncoder.js';
import type { LoadEncoderOptions } from './loadEncoderOptions.js';

/**
 * Loads the encoder of a run.
 * @param input what the pictures say of what a model sees of them; taken where neither the
 *   configuration nor the model's file says it
 * @throws MocoError as `loadEncoder`
 */
export async function loadFor(
  config: EmbedConfig,
  input: Partial<ModelInput>,
  signal: AbortSignal | undefined,
): Promise<Encoder> {
  const { modelPath, prefix, device, precision, tf32, threads } = config;
  const { file } = await readModel(modelPath, prefix);
  const isSaid = describeModel(file).input !== undefined;
  return await loadEncoder(modelPath, {
    ...{ prefix, device, precision, tf32, threads, signal },
    ...(isSaid ? {} : input),
    ...given(config),
  });
}

/** What a configuration says of a model, apart from `auto`. */
function given({ arch, stem, imageSize, mean, std }: EmbedConfig): LoadEncoderOptions {
  return {
    ...(arch !== 'auto' && { arch }),
    ...(stem !== 'auto' && { stem }),
    ...(imageSize !== 'auto' && { imageSize }),
    ...(mean && { mean: mean as [number, number, number] }),
    ...(std && { std: std as [number, number, number] }),
  };
}

import type { EmbedConfig } from '../config/embedConfig.js';
import { describeModel } from '../model/description.js';
import type { ModelInput } from '../model/modelInput.js';
import { readModel } from '../model/readModel.js';
import type { Encoder } from './encoder.js';
import { loadEncoderFor } from './loadEncoder.js';
import type { LoadEncoderOptions } from './loadEncoderOptions.js';

/** What a command can be told about the encoder that it loads. */
type EncoderKeys = Pick<EmbedConfig, 'modelPath' | 'prefix' | 'arch' | 'stem'> &
  Pick<EmbedConfig, 'imageSize' | 'mean' | 'std'> &
  Pick<EmbedConfig, 'device' | 'precision' | 'tf32' | 'threads'>;

/**
 * Loads the encoder of a command.
 * @param input what the pictures, or features of others, say of what a model sees of them; taken where neither the
 *   configuration nor the model's file says it
 * @param side height and width of pixels that it is given; `auto`: such as need no resizing
 * @throws MocoError as `loadEncoder`
 */
export async function loadFor(
  config: EncoderKeys,
  input: Partial<ModelInput>,
  signal: AbortSignal | undefined,
  side: number | 'auto' = 'auto',
): Promise<Encoder> {
  const { modelPath, prefix, device, precision, tf32, threads } = config;
  const { file } = await readModel(modelPath, prefix);
  const isSaid = describeModel(file).input !== undefined;
  return await loadEncoderFor(side, modelPath, {
    ...{ prefix, device, precision, tf32, threads, signal },
    ...(isSaid ? {} : input),
    ...given(config),
  });
}

/** What a configuration says of a model, apart from `auto`. */
function given({ arch, stem, imageSize, mean, std }: EncoderKeys): LoadEncoderOptions {
  return {
    ...(arch !== 'auto' && { arch }),
    ...(stem !== 'auto' && { stem }),
    ...(imageSize !== 'auto' && { imageSize }),
    ...(mean && { mean: mean as [number, number, number] }),
    ...(std && { std: std as [number, number, number] }),
  };
}

import { z } from 'zod';

const channels = z.tuple([z.number(), z.number(), z.number()]).readonly();

/**
 * What an encoder sees of a picture: its shorter side is resized to imageSize / cropShare, the middle
 * of imageSize × imageSize is cut out, and the bytes are normalised: (byte / 255 − mean) / std.
 */
export const modelInputSchema = z.object({
  /** Side of what the encoder sees, in pixels. */
  imageSize: z.int().min(1).max(4096),
  /** Share of the shorter side of a picture that is seen, around the middle. */
  cropShare: z.number().gt(0).max(1),
  /** Of R, G and B, on the 0…1 scale. */
  mean: channels,
  std: channels,
});

export type ModelInput = Readonly<z.output<typeof modelInputSchema>>;

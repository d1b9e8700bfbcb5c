import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { type CrossCheck, checkTogether } from './crossCheck.js';
import { channels, modelKeys, path } from './sharedKeys.js';

/** Formats that hold what is computed, and those that hold weights only. */
const GRAPHS = ['onnx', 'torchscript'] as const;
const WEIGHTS = ['safetensors', 'pth'] as const;

/** Names are those of a file of weights. */
const namesCheck: CrossCheck<{ readonly format: string; readonly names?: string | undefined }> = {
  keys: ['names', 'format'],
  problem: ({ format, names }) =>
    names !== undefined && isGraph(format)
      ? `expected none with the format ${format}, given ${names}`
      : undefined,
};

/** Everything that `moco export` can be told. */
const exportConfigSchema = z
  .strictObject({
    modelPath: modelKeys.modelPath.describe('model to export: .pth or .safetensors'),
    prefix: modelKeys.prefix,
    out: path('folder').default('export').describe('folder to write; it appears whole'),
    format: z
      .enum([...GRAPHS, ...WEIGHTS])
      .default('onnx')
      .describe(
        'onnx: for onnxruntime, OpenVINO and transformers.js; torchscript: for PyTorch without moco; safetensors, pth: weights only',
      ),
    foldBatchNorm: z
      .boolean()
      .default(true)
      .describe('onnx, torchscript: BatchNorm is folded into the convolutions before it'),
    names: z
      .enum(['reference', 'torchvision'])
      .optional()
      .describe("safetensors, pth: what the tensors are called; the reference's names by default"),
    imageSize: z
      .int()
      .min(1)
      .max(4096)
      .optional()
      .meta({
        description: 'height and width of what the model sees, where its file does not say it',
        examples: [224],
      }),
    cropShare: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .meta({
        description:
          "share of a picture's shorter side that it sees, around the middle, where its file does not say it",
        examples: [0.875],
      }),
    mean: channels.meta({
      description: 'what is subtracted from R, G and B (0…1), where its file does not say it',
      examples: [[0.485, 0.456, 0.406]],
    }),
    std: channels.meta({
      description: 'what R, G and B are divided by then, where its file does not say it',
      examples: [[0.229, 0.224, 0.225]],
    }),
    force: z.boolean().default(false).describe('replace an earlier export in the folder'),
  })
  .superRefine(checkTogether([namesCheck]));

export const exportCommand = {
  name: 'export',
  schema: exportConfigSchema,
} as const satisfies CommandConfig;

/** A complete configuration of `export`: every default filled in. */
export type ExportConfig = z.output<typeof exportConfigSchema>;

/** What a program passes: every key may be left out. */
export type ExportConfigInput = z.input<typeof exportConfigSchema>;

export type ExportFormat = ExportConfig['format'];

/** Whether a format holds what is computed, and not weights only. */
export function isGraph(format: string): format is (typeof GRAPHS)[number] {
  return GRAPHS.some((graph) => graph === format);
}

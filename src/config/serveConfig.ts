import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { computeKeys, dataKeys, modelKeys, path } from './sharedKeys.js';

const seconds = (initial: number) => z.number().min(0.1).max(3600).default(initial);

/** What the service lets in; also the limits of a service inside somebody's own Fastify. */
const limitKeys = {
  maxBody: z
    .number()
    .min(0.001)
    .max(1024)
    .default(32)
    .describe("most megabytes of a request's body; those of maxRequests may be in memory at once"),
  maxPixels: z
    .number()
    .min(0.001)
    .max(134)
    .default(50)
    .describe('most millions of pixels in a picture, which is decoded as a whole'),
  maxPictures: z.int().min(1).max(4096).default(64).describe('most pictures in a request'),
  maxRequests: z
    .int()
    .min(1)
    .max(65_536)
    .default(64)
    .describe('most requests at once; more are answered 503, to come again later'),
  maxQueue: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1024)
    .describe('most pictures that wait to be computed; requests beyond are answered 503'),
  workTimeout: seconds(60).describe('most seconds from the head of a request to its answer'),
  drainTimeout: seconds(8).describe(
    'most seconds in which begun requests are finished after a signal; Docker waits for 10',
  ),
};

export const serviceLimits = z.strictObject(limitKeys);

/** What a service lets in, with every default filled in. */
export type ServiceLimits = z.output<typeof serviceLimits>;

/** Everything that `moco serve` can be told. */
const serveConfigSchema = z.strictObject({
  ...modelKeys,
  modelPath: modelKeys.modelPath.describe('model that computes features: .pth or .safetensors'),
  index: path('file')
    .optional()
    .meta({
      description: 'features to search in, as moco embed writes them',
      examples: ['features.safetensors'],
    }),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ title: 'address' })
    .describe('address to listen on; 0.0.0.0 is reached from other machines: set a token'),
  port: z.int().min(0).max(65_535).default(8000).describe('port to listen on; 0 takes a free one'),
  tokenFile: path('file')
    .optional()
    .meta({
      description: 'file with the token that requests must bear, in place of MOCO_TOKEN',
      examples: ['/run/secrets/moco-token'],
    }),
  ...limitKeys,
  maxConnections: z
    .int()
    .min(1)
    .max(65_536)
    .default(1024)
    .describe('most connections at once; more are closed'),
  headTimeout: seconds(10).describe('most seconds in which the head of a request arrives'),
  bodyTimeout: seconds(30).describe('most seconds in which a whole request arrives'),
  batchInvariant: z
    .boolean()
    .default(false)
    .describe('features do not depend on what else is computed at the time, bit for bit; slower'),
  imageSize: dataKeys.imageSize.describe(
    'height and width of what the model sees; auto: as its file says',
  ),
  cropShare: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("share of a picture's shorter side that is seen; as the model's file says"),
  mean: dataKeys.mean.describe(
    "what is subtracted from R, G and B (0…1), where the model's file does not say it",
  ),
  std: dataKeys.std.describe('what R, G and B are divided by then'),
  device: computeKeys.device,
  precision: computeKeys.precision,
  tf32: computeKeys.tf32,
  threads: computeKeys.threads,
});

export const serveCommand = {
  name: 'serve',
  schema: serveConfigSchema,
} as const satisfies CommandConfig;

/** A complete configuration of `serve`: every default filled in. */
export type ServeConfig = z.output<typeof serveConfigSchema>;

/** What a program passes: every key may be left out. */
export type ServeConfigInput = z.input<typeof serveConfigSchema>;

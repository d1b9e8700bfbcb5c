import { z } from 'zod';
import { shown } from '../arguments/shown.js';
import { RequestError, SEE_DOCUMENT } from './requestError.js';

/** Pixels in a body of their own are described by the query. */
const pixelKeys = {
  width: z.coerce.number().int().min(1).max(65_535).optional().describe('of raw pixels'),
  height: z.coerce.number().int().min(1).max(65_535).optional().describe('of raw pixels'),
  channels: z.coerce
    .number()
    .pipe(z.union([z.literal(1), z.literal(3), z.literal(4)]))
    .default(3)
    .describe('of raw pixels: 1 grey, 3 RGB, 4 RGBA'),
};

export const embedQuery = z.strictObject({
  normalize: z
    .stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] })
    .default(false)
    .describe('whether each feature is divided by its L2 norm'),
  output: z
    .enum(['features', 'projection'])
    .default('features')
    .describe("of the backbone, or of the projection head where the model's file has one"),
  dtype: z
    .enum(['fp32', 'fp16'])
    .default('fp32')
    .describe('numbers of application/octet-stream, little-endian; JSON has those of fp32'),
  ...pixelKeys,
});

export const searchQuery = z.strictObject({
  k: z.coerce.number().int().min(1).max(1000).default(10).describe('neighbours of each picture'),
  ...pixelKeys,
});

/** What the query says of pixels that are a body of their own. */
export type PixelQuery = Pick<z.output<typeof embedQuery>, keyof typeof pixelKeys>;

const base64 = z.string('base64').min(1).describe('base64');

const rawPixels = z.strictObject({
  data: base64.describe('base64 of height × width × channels bytes'),
  width: z.int().min(1).max(65_535),
  height: z.int().min(1).max(65_535),
  channels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
});

/** A body in JSON. */
export const picturesBody = z.strictObject({
  pictures: z
    .array(z.union([base64.describe('base64 of a JPEG, PNG, WebP, …'), rawPixels]))
    .min(1)
    .describe('files of pictures, or pixels'),
});

export const embedAnswer = z.object({
  dims: z.tuple([z.int(), z.int()]).describe('pictures, and numbers of each'),
  data: z.array(z.number()).describe('row by row, in the order of the pictures'),
});

export const searchAnswer = z.object({
  results: z
    .array(
      z.object({
        neighbours: z.array(
          z.object({
            id: z.string(),
            row: z.int().describe('in the index, from 0'),
            similarity: z.number().describe("by the index's metric"),
            label: z.string().optional().describe('the name of its class'),
          }),
        ),
      }),
    )
    .describe('one for each picture, in order; the most similar neighbour first'),
});

export const errorAnswer = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

export const healthAnswer = z.object({
  status: z.enum(['ready', 'draining']),
  version: z.string(),
  model: z.object({ file: z.string(), arch: z.string(), imageSize: z.int(), dims: z.int() }),
  device: z.string(),
  precision: z.string(),
  index: z.object({ size: z.int(), metric: z.string() }).nullable(),
});

/** What OpenAPI has for a schema: of a query, what it may be, and not its text. */
export function openApiSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'output' });
  return rest;
}

/**
 * What a client sent, checked.
 * @param place `query` or `body`
 * @throws RequestError 400 that says everything that is wrong
 */
export function parsed<Schema extends z.ZodType>(
  schema: Schema,
  place: string,
  value: unknown,
): z.output<Schema> {
  const { data, error } = schema.safeParse(value, { reportInput: true });
  if (error === undefined) return data as z.output<Schema>;
  const problems = error.issues.map(({ path, message, input }) => {
    const where = [place, ...path.map(String)].join('.');
    return `${where}: ${message}${input === undefined ? '' : `, given ${shown(input)}`}`;
  });
  throw new RequestError(400, 'invalid_request', problems.slice(0, 10).join('; '), {
    hint: SEE_DOCUMENT,
  });
}

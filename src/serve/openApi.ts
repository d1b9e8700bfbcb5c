import { errorAnswer, openApiSchema, picturesBody } from './schemas.js';

const file = { schema: { type: 'string', format: 'binary' } };

/** What OpenAPI says of the bodies that have pictures. */
export const pictureBodies = {
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object',
        description: 'one file for each picture, under any name',
        additionalProperties: { type: 'string', format: 'binary' },
      },
    },
    'image/*': file,
    'application/octet-stream': file,
    'application/json': { schema: openApiSchema(picturesBody) },
  },
};

const ERRORS = {
  400: 'The request is not as it should be',
  401: 'The token is missing or wrong',
  406: 'No form of the answer is accepted',
  408: 'The request did not arrive in time',
  413: 'The body is too large, or has too many pictures',
  415: 'The body is of a type that is not read',
  422: 'Pictures cannot be read, or have too many pixels; the message names each',
  503: 'The service is full, or shuts down, or the work took too long; Retry-After says when to come again',
} as const;

/** What OpenAPI says of a route's answers: with this content, or an error. */
export function answers(content: object): object {
  const schema = openApiSchema(errorAnswer);
  const errors = Object.entries(ERRORS).map(([status, description]) => [
    status,
    { description, content: { 'application/json': { schema } } },
  ]);
  return { 200: { description: 'What was asked for', content }, ...Object.fromEntries(errors) };
}

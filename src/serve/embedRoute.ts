import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Embeddings, RowType } from '../embed/encoder.js';
import { embedPictures } from './embedding.js';
import { answers, pictureBodies } from './openApi.js';
import { RequestError } from './requestError.js';
import { requestPictures } from './requestPictures.js';
import { embedAnswer, embedQuery, openApiSchema, parsed } from './schemas.js';
import type { Service } from './service.js';
import { addWorkRoute } from './workRoute.js';

const BINARY = 'application/octet-stream';

/** `POST /embed`: pictures in, their features out. */
export function addEmbedRoute(fastify: FastifyInstance, service: Service): void {
  const { encoder, limits } = service;
  const schema = {
    summary: 'Turns pictures into features',
    description:
      'The answer is JSON, or, with Accept: application/octet-stream, the numbers alone, ' +
      'little-endian, with x-moco-dims and x-moco-dtype in the head.',
    querystring: openApiSchema(embedQuery),
    body: pictureBodies,
    response: answers({
      'application/json': { schema: openApiSchema(embedAnswer) },
      [BINARY]: { schema: { type: 'string', format: 'binary' } },
    }),
  };
  const handle = async (request: FastifyRequest, reply: FastifyReply, signal: AbortSignal) => {
    const isBinary = wantsBinary(request);
    const query = parsed(embedQuery, 'query', request.query);
    const { normalize, output, dtype } = query;
    if (dtype === 'fp16' && !isBinary) throw onlyBinary();
    const pictures = await requestPictures(request, query, limits);
    const options = { normalize, output, dtype, signal };
    const embedded = await embedPictures(encoder, pictures, options, limits);
    return isBinary ? sendBinary(reply, embedded, dtype) : sendJson(reply, embedded);
  };
  addWorkRoute(fastify, service, { url: '/embed', schema, handle });
}

function sendJson(reply: FastifyReply, { dims, data }: Embeddings<RowType>): FastifyReply {
  return reply.send({ dims, data: Array.from(data) });
}

function sendBinary(
  reply: FastifyReply,
  { dims, data }: Embeddings<RowType>,
  dtype: string,
): FastifyReply {
  return reply
    .headers({ 'content-type': BINARY, 'x-moco-dims': dims.join(','), 'x-moco-dtype': dtype })
    .send(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

/** @throws RequestError 406 where neither form of the answer is accepted */
function wantsBinary({ headers: { accept = '*/*' } }: FastifyRequest): boolean {
  if (accept.includes(BINARY)) return true;
  if (/\*\/\*|application\/(\*|json)/.test(accept)) return false;
  throw new RequestError(406, 'not_acceptable', 'no form of the answer is accepted', {
    hint: `Send Accept: application/json, or ${BINARY}.`,
  });
}

function onlyBinary(): RequestError {
  return new RequestError(400, 'invalid_request', 'query.dtype: fp16 is not written in JSON', {
    hint: `Send Accept: ${BINARY}, or leave dtype out.`,
  });
}

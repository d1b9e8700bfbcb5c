import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { embedPictures } from './embedding.js';
import { answers, pictureBodies } from './openApi.js';
import { RequestError } from './requestError.js';
import { requestPictures } from './requestPictures.js';
import { openApiSchema, parsed, searchAnswer, searchQuery } from './schemas.js';
import type { SearchIndex } from './searchIndex.js';
import type { Service } from './service.js';
import { addWorkRoute } from './workRoute.js';

/** `POST /search`: pictures in, those of the index that are nearest out. */
export function addSearchRoute(fastify: FastifyInstance, service: Service): void {
  const { encoder, index, limits } = service;
  const schema = {
    summary: 'Finds the pictures of the index that are nearest to each picture',
    querystring: openApiSchema(searchQuery),
    body: pictureBodies,
    response: answers({ 'application/json': { schema: openApiSchema(searchAnswer) } }),
  };
  const handle = async (request: FastifyRequest, reply: FastifyReply, signal: AbortSignal) => {
    if (index === undefined) throw noIndex();
    const { k, ...pixels } = parsed(searchQuery, 'query', request.query);
    const pictures = await requestPictures(request, pixels, limits);
    const { data } = await embedPictures<'fp32'>(encoder, pictures, { signal }, limits);
    return reply.send({ results: await nearest(index, data, k, signal) });
  };
  addWorkRoute(fastify, service, { url: '/search', schema, handle });
}

async function nearest(index: SearchIndex, queries: Float32Array, k: number, signal: AbortSignal) {
  const { ids, rows, similarities } = await index.search(queries, {
    k: Math.min(k, index.size),
    signal,
  });
  return ids.map((names, query) => ({
    neighbours: names.map((id, rank) => ({
      id,
      row: rows[query * names.length + rank],
      similarity: similarities[query * names.length + rank],
    })),
  }));
}

function noIndex(): RequestError {
  return new RequestError(404, 'no_index', 'this service has no index to search in', {
    hint: 'Whoever runs it makes one with moco embed, and starts it with --index features.safetensors.',
  });
}

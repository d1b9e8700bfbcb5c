import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { embedPictures } from './embedding.js';
import { outputOf } from './indexFit.js';
import { answers, pictureBodies } from './openApi.js';
import { RequestError } from './requestError.js';
import { requestPictures } from './requestPictures.js';
import { openApiSchema, parsed, searchAnswer, searchQuery } from './schemas.js';
import type { SearchIndex } from './searchIndex.js';
import type { Service } from './service.js';
import { addWorkRoute } from './workRoute.js';

/** `POST /search`: pictures in, those of the index that are most similar out. */
export function addSearchRoute(fastify: FastifyInstance, service: Service): void {
  const { encoder, index, limits } = service;
  const schema = {
    summary: 'Finds the pictures of the index that are most similar to each picture',
    querystring: openApiSchema(searchQuery),
    body: pictureBodies,
    response: answers({ 'application/json': { schema: openApiSchema(searchAnswer) } }),
  };
  const handle = async (request: FastifyRequest, reply: FastifyReply, signal: AbortSignal) => {
    if (index === undefined) throw noIndex();
    const { k, ...pixels } = parsed(searchQuery, 'query', request.query);
    const pictures = await requestPictures(request, pixels, limits);
    const options = { output: outputOf(index), normalize: index.meta.normalized, signal };
    const { data } = await embedPictures<'fp32'>(encoder, pictures, options, limits);
    return reply.send({ results: await mostSimilar(index, data, k, signal) });
  };
  addWorkRoute(fastify, service, { url: '/search', schema, handle });
}

/** Neighbours of each query, as clients get them. */
async function mostSimilar(
  index: SearchIndex,
  queries: Float32Array,
  most: number,
  signal: AbortSignal,
) {
  const { k, ids, rows, similarities } = await index.search(queries, { k: most, signal });
  const neighbours = Array.from(rows, (row, at) => {
    const label = index.labelOf(row);
    return {
      id: ids[at],
      row,
      similarity: similarities[at],
      ...(label !== undefined && { label }),
    };
  });
  return Array.from({ length: queries.length / index.dims }, (_, query) => ({
    neighbours: neighbours.slice(query * k, (query + 1) * k),
  }));
}

function noIndex(): RequestError {
  return new RequestError(404, 'no_index', 'this service has no index to search in', {
    hint: 'Whoever runs it makes one with moco embed, and starts it with --index features.safetensors.',
  });
}

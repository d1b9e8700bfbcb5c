// One's own Fastify with a trained encoder in it: the routes of `moco serve` under a prefix, and a route
// of one's own that uses the encoder, too.
//
//   node pictures.mjs model.pth
//   curl -F cat=@cat.jpg http://localhost:8080/moco/embed
//   curl -F a=@cat.jpg -F b=@dog.jpg http://localhost:8080/alike
import multipart from '@fastify/multipart';
import { fastify } from 'fastify';
import { loadEncoder, mocoService } from 'moco-node';

const encoder = await loadEncoder(process.argv[2]);
const app = fastify({ logger: { level: 'warn' }, bodyLimit: 10_000_000 });
await app.register(multipart, { limits: { files: 2 } });
await app.register(mocoService, { encoder, prefix: '/moco', limits: { maxPictures: 16 } });

app.post('/alike', async (request) => {
  const files = [];
  for await (const file of request.files()) files.push(await file.toBuffer());
  if (files.length !== 2) throw Object.assign(new Error('send two pictures'), { statusCode: 400 });
  const { dims, data } = await encoder.embed(files, { normalize: true });
  const [, length] = dims;
  let similarity = 0; // of two vectors of length 1: their product
  for (let at = 0; at < length; at++) similarity += data[at] * data[length + at];
  return { similarity };
});

app.addHook('onClose', () => encoder.dispose());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());
console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 8080) })}`);

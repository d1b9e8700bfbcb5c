// A service that trains in the background while its event loop stays free.
//
//   node training.mjs [configuration.json]
//   curl -X POST http://localhost:8080/jobs        # starts a job: {"id":1}
//   curl -N http://localhost:8080/jobs/1           # follows it by server-sent events
//   curl -X DELETE http://localhost:8080/jobs/1    # cancels it
import { EventEmitter, on } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fastify } from 'fastify';
import { train } from 'moco-node';

const config = JSON.parse(await readFile(process.argv[2] ?? '../shapes.json', 'utf8'));
const jobs = [];
const app = fastify({ forceCloseConnections: true });

app.post('/jobs', async (_, reply) => {
  const job = { stop: new AbortController(), events: new EventEmitter(), last: undefined };
  const id = jobs.push(job);
  const onEvent = (event) => {
    job.last = event;
    job.events.emit('event', event);
  };
  const onFailure = ({ code, message }) => onEvent({ type: 'failed', code, message });
  const options = { signal: job.stop.signal, onEvent };
  job.ended = train({ ...config, out: `results/${id}` }, options).catch(onFailure);
  return reply.code(202).send({ id });
});

app.get('/jobs/:id', async ({ params }, reply) => {
  const job = jobs[params.id - 1];
  return job
    ? reply.type('text/event-stream').send(Readable.from(follow(job)))
    : reply.callNotFound();
});
app.delete('/jobs/:id', async ({ params }) => jobs[params.id - 1]?.stop.abort());

async function* follow(job) {
  const events = on(job.events, 'event'); // those from now on
  if (job.last) yield sse(job.last);
  if (isLast(job.last)) return;
  for await (const [event] of events) {
    yield sse(event);
    if (isLast(event)) return;
  }
}
const isLast = (event) => event?.type === 'done' || event?.type === 'failed';
const sse = (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

app.addHook('preClose', async () => {
  for (const { stop } of jobs) stop.abort();
  await Promise.all(jobs.map(({ ended }) => ended)); // each has its checkpoint then
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());
console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 8080) })}`);

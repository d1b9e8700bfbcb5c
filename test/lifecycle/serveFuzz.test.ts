import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { NeighbourIndex } from '#moco/search/neighbourIndex.js';
import { train } from '#moco/train/train.js';
import { type Bytes, meet } from '../support/hostileClients.js';
import { executable } from '../support/moco.js';
import { Dice } from '../support/mutations.js';
import { pngOf } from '../support/pictureFolder.js';
import { type ServedProgram, servedProgram } from '../support/servedCommand.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_FEATURES, TINY_RUN } from '../support/tinyRun.js';

/** How long a service is treated badly; `MOCO_FUZZ_SECONDS=600 npm test -- serveFuzz` takes ten minutes. */
const SECONDS = Number(process.env.MOCO_FUZZ_SECONDS ?? 5);

/** Other numbers treat it badly in other ways. */
const SEED = Number(process.env.MOCO_FUZZ_SEED ?? 1);

const CLIENTS = 8;

/** Milliseconds after which a client goes away. */
const PATIENCE = [30, 100, 300, 3000];

/** Encounters that are enough to have seen every hostility, on a busy machine, too. */
const LEAST_ENCOUNTERS = 100;

/** What memory may differ by between the first and the last quarter of the time. */
const MAX_GROWTH = 64e6;

const folder = temporaryFolder();
let model: string;
let index: string;

before(async () => {
  const run = { ...TINY_RUN, epochs: 1, out: join(folder, 'out') };
  model = (await train(run)).files.model;
  index = join(folder, 'index.safetensors');
  const features = new Float32Array(64 * TINY_FEATURES).map((_, at) => Math.sin(at));
  await using made = await NeighbourIndex.build(features, { dims: TINY_FEATURES });
  await made.save(index);
});

/** Requests that are right, in every form. */
async function requests(): Promise<Bytes[]> {
  const jpeg = await readFile(new URL('../../../test/pictures/files/exif6.jpg', import.meta.url));
  const png = await pngOf(40, 30, 1);
  const part = (name: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"; filename="${name}.png"\r\n\r\n`;
  const form = Buffer.concat([
    ...[Buffer.from(part('a')), png, Buffer.from('\r\n')],
    ...[Buffer.from(part('b')), jpeg, Buffer.from('\r\n--x--\r\n')],
  ]);
  const json = JSON.stringify({ pictures: [png.toString('base64'), jpeg.toString('base64')] });
  return [
    post('multipart/form-data; boundary=x', form),
    post('image/jpeg', jpeg),
    post('application/json', Buffer.from(json)),
    post('application/octet-stream', Buffer.alloc(32 * 32 * 3 * 4), '?width=32&height=32'),
    post('image/png', png, '?k=2', '/search'),
    Buffer.from('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'),
  ];
}

function post(type: string, body: Buffer, query = '', path = '/embed'): Bytes {
  const head = `POST ${path}${query} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\n`;
  return Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body]);
}

async function memoryOf({ url }: ServedProgram): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)?.[1]);
}

async function features({ url }: ServedProgram, picture: Buffer): Promise<number[]> {
  const headers = { 'content-type': 'image/png' };
  const answer = await fetch(`${url}/embed`, { method: 'POST', body: picture, headers });
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { data: number[] }).data;
}

/** Whether what a client got are answers of HTTP, none of which says that the service has failed. */
function requireAnswers(answer: string, round: string): void {
  if (answer === '') return; // the client did not wait, or its connection was closed
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  assert.ok(statuses.length > 0, `${round}: ${answer.slice(0, 200)}`);
  assert.ok(!statuses.includes(500), `${round}: ${answer.slice(0, 2000)}`);
}

test(`a service that is treated badly for ${SECONDS} s answers, and its memory is flat`, async (context) => {
  const limits = [
    '--head-timeout',
    '1',
    '--body-timeout',
    '1.5',
    '--work-timeout',
    '5',
    '--max-body',
    '1',
  ];
  const words = [
    executable,
    'serve',
    '--model-path',
    model,
    '--index',
    index,
    '--port',
    '0',
    '--device',
    'cpu',
  ];
  const served = await servedProgram(context, [...words, '--batch-invariant', ...limits], {
    cwd: folder,
  });
  const port = Number(new URL(served.url).port);
  const right = await requests();
  const picture = await pngOf(40, 30, 2);
  const expected = await features(served, picture);

  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const memory: number[] = [];
  const met = new Map<string, number>();
  let encounters = 0;
  const client = async (_: unknown, number: number) => {
    const dice = new Dice(SEED * 2 ** 20 + number + 1);
    while (seconds() < SECONDS || encounters < LEAST_ENCOUNTERS) {
      const { hostility, answer } = await meet(port, dice, right, dice.of(PATIENCE));
      requireAnswers(answer, `${hostility} of client ${number}, seed ${SEED}`);
      met.set(hostility, (met.get(hostility) ?? 0) + 1);
      encounters += 1;
    }
  };
  const watch = async () => {
    while (seconds() < SECONDS) {
      memory.push(await memoryOf(served));
      await new Promise((resolve) => setTimeout(resolve, Math.max(100, SECONDS * 10)));
    }
  };
  await Promise.all([watch(), ...Array.from({ length: CLIENTS }, client)]);

  assert.deepEqual(await features(served, picture), expected);
  const quarter = Math.ceil(memory.length / 4);
  const most = (values: readonly number[]) => Math.max(...values);
  const growth = most(memory.slice(-quarter)) - most(memory.slice(quarter, 2 * quarter));
  context.diagnostic(`${encounters} encounters, ${JSON.stringify(Object.fromEntries(met))}`);
  context.diagnostic(`memory in MB: ${memory.map((bytes) => (bytes / 1e6).toFixed(0)).join(' ')}`);
  assert.ok(growth < MAX_GROWTH, `its memory has grown by ${growth} bytes`);
  served.child.kill('SIGTERM');
  assert.deepEqual(await served.exit, [0, null], served.stderr());
  assert.equal(served.stderr(), '\nstopping after SIGTERM (Ctrl-C ends at once)\n');
});

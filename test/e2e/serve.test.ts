import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadEncoder } from '#moco/embed/loadEncoder.js';
import { packageRoot } from '#moco/packageRoot.js';
import { train } from '#moco/train/train.js';
import { executable, runMoco } from '../support/moco.js';
import { pngOf, writeFiles } from '../support/pictureFolder.js';
import { servedProgram } from '../support/servedCommand.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_FEATURES, TINY_RUN } from '../support/tinyRun.js';

const folder = temporaryFolder();
let model: string;
let pictures: Buffer[];

before(async () => {
  const { files } = await train({ ...TINY_RUN, epochs: 1, out: join(folder, 'out') });
  model = files.model;
  pictures = await Promise.all([0, 1, 2].map((number) => pngOf(40, 30, number)));
});

const started = (context: TestContext, words: readonly string[] = [], env = {}) =>
  servedProgram(
    context,
    [executable, 'serve', '--model-path', model, '--port', '0', '--device', 'cpu', ...words],
    { cwd: folder, env },
  );

function form(): FormData {
  const body = new FormData();
  for (const [index, picture] of pictures.entries()) {
    body.append('picture', new Blob([picture]), `${index}.png`);
  }
  return body;
}

test('moco serve answers with the features of loadEncoder, and ends with 0 at SIGTERM', async (context) => {
  const { url, lines, child, exit, stderr } = await started(context, ['--batch-invariant']);
  assert.match(lines[0] as string, /_model\.pth: resnet18, 32 × 32 pixels$/);
  assert.match(lines[1] as string, /^computing on cpu in \w+, \d+ threads?$/);
  const headers = { accept: 'application/octet-stream' };
  const answer = await fetch(`${url}/embed`, { method: 'POST', body: form(), headers });
  assert.equal(answer.status, 200, stderr());
  assert.equal(answer.headers.get('x-moco-dims'), `3,${TINY_FEATURES}`);
  await using encoder = await loadEncoder(model, { device: 'cpu', batchInvariant: true });
  const { data } = await encoder.embed(pictures);
  assert.deepEqual(new Float32Array(await answer.arrayBuffer()), data);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^moco_batch_pictures_sum 3$/m);
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null], stderr());
  assert.equal(stderr(), '\nstopping after SIGTERM (Ctrl-C ends at once)\n');
});

test('/search finds pictures in what moco embed has written', async (context) => {
  const names = ['a/0.png', 'a/1.png', 'b/2.png'];
  const files = names.map((name, index) => [name, pictures[index] as Buffer]);
  await writeFiles(join(folder, 'photos'), Object.fromEntries(files));
  const embedding = ['embed', '--model-path', model, '--data', 'photos', '--labels', 'folders'];
  const { status, stderr } = runMoco(folder, [...embedding, '--device', 'cpu']);
  assert.equal(status, 0, stderr);
  const service = await started(context, ['--index', 'features.safetensors']);
  assert.ok(service.lines.includes('searching in features.safetensors'), service.lines.join('\n'));
  const answer = await fetch(`${service.url}/search?k=1`, { method: 'POST', body: form() });
  const { results } = (await answer.json()) as {
    results: { neighbours: { id: string; label: string; similarity: number }[] }[];
  };
  const nearest = results.map(({ neighbours: [first] }) => first);
  assert.deepEqual(
    nearest.map((near) => near?.id),
    names,
  );
  assert.deepEqual(
    nearest.map((near) => near?.label),
    ['a', 'a', 'b'],
  );
  for (const near of nearest) assert.ok(Math.abs((near?.similarity ?? 0) - 1) < 1e-3);
  assert.equal(service.stderr(), ''); // no notice of another model
});

/** How many requests for features were begun, or are done already. */
async function begunIn(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  return (
    value(/^moco_requests_in_work (\d+)$/m) +
    value(/^moco_requests_total\{method="POST",route="\/embed",status="200"\} (\d+)$/m)
  );
}

test('requests that are begun are finished after SIGTERM', async (context) => {
  const { url, child, exit, stderr } = await started(context);
  const answers = Array.from({ length: 16 }, () =>
    fetch(`${url}/embed`, { method: 'POST', body: form() }),
  );
  while ((await begunIn(url)) < answers.length) await sleep(1);
  child.kill('SIGTERM');
  const statuses = await Promise.all(answers.map(async (answer) => (await answer).status));
  assert.deepEqual(statuses, new Array(16).fill(200), stderr());
  assert.deepEqual(await exit, [0, null]);
});

test('a token is read from the environment, and from a file', async (context) => {
  const token = 'a-token-that-is-long-enough';
  const file = join(folder, 'token');
  await writeFile(file, `${token}\n`);
  const services = [
    await started(context, [], { MOCO_TOKEN: token }),
    await started(context, ['--token-file', file], {
      MOCO_TOKEN: 'another-token-of-the-environment',
    }),
  ];
  for (const { url } of services) {
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${url}/embed`, { method: 'POST', body: form(), headers })).status;
    assert.equal(await status({}), 401);
    assert.equal(await status({ authorization: `Bearer ${token}` }), 200);
  }
});

for (const [what, words, env, message] of [
  ['a model that is not there', ['--model-path', 'none.pth'], {}, /none\.pth/],
  [
    'a token that is too short',
    [],
    { MOCO_TOKEN: 'short' },
    /MOCO_TOKEN: expected a token of at least 16/,
  ],
  [
    'a file of a token that is not there',
    ['--token-file', 'none'],
    {},
    /the file of the token cannot be read/,
  ],
  [
    'an address of another machine',
    ['--host', '192.0.2.1'],
    {},
    /cannot listen on 192\.0\.2\.1, port 0/,
  ],
] as const) {
  test(`${what} is told before anything listens`, () => {
    const all = ['serve', '--model-path', model, '--port', '0', '--device', 'cpu', ...words];
    Object.assign(process.env, env);
    const { status, stderr } = runMoco(folder, all);
    for (const name of Object.keys(env)) delete process.env[name];
    assert.notEqual(status, 0);
    assert.match(stderr, message);
    assert.match(stderr, /^hint: /m);
  });
}

/** Where an example is, with the packages that its package.json names. */
async function installed(name: string): Promise<string> {
  const target = await mkdtemp(join(folder, `${name}-`));
  await cp(join(packageRoot, 'examples', name), target, { recursive: true });
  const packages = join(target, 'node_modules');
  await mkdir(packages);
  await symlink(packageRoot, join(packages, 'moco-node'));
  for (const other of ['fastify', '@fastify']) {
    await symlink(join(packageRoot, 'node_modules', other), join(packages, other));
  }
  return target;
}

test('the example of a service of one’s own embeds pictures, and compares two', async (context) => {
  const cwd = await installed('service');
  const env = { PORT: '0' };
  const { url, child, exit, stderr } = await servedProgram(context, ['pictures.mjs', model], {
    cwd,
    env,
  });
  const embedded = await fetch(`${url}/moco/embed`, { method: 'POST', body: form() });
  assert.deepEqual(((await embedded.json()) as { dims: number[] }).dims, [3, TINY_FEATURES]);
  const two = new FormData();
  for (const name of ['a', 'b']) two.append(name, new Blob([pictures[0] as Buffer]), name);
  const alike = await fetch(`${url}/alike`, { method: 'POST', body: two });
  const { similarity } = (await alike.json()) as { similarity: number };
  assert.ok(Math.abs(similarity - 1) < 1e-3, `${similarity}`);
  assert.equal((await fetch(`${url}/alike`, { method: 'POST', body: new FormData() })).status, 400);
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null], stderr());
});

/** The types of the events that a job tells, as they come. */
async function* eventsOf(url: string): AsyncGenerator<string> {
  const { body } = await fetch(url);
  let text = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() as string;
    for (const block of blocks) yield /^event: (\w+)\ndata: \{/.exec(block)?.[1] ?? block;
  }
}

test('the example of jobs trains in the background, tells each event, and cancels', async (context) => {
  const cwd = await installed('service');
  const config = join(cwd, 'tiny.json');
  await writeFile(config, JSON.stringify({ ...TINY_RUN, epochs: 3 }));
  const env = { PORT: '0' };
  const { url, child, exit, stderr } = await servedProgram(context, ['training.mjs', config], {
    cwd,
    env,
  });
  const post = async () => (await fetch(`${url}/jobs`, { method: 'POST' })).json();
  assert.deepEqual(await post(), { id: 1 });
  const types: string[] = [];
  for await (const type of eventsOf(`${url}/jobs/1`)) types.push(type);
  assert.ok(types.includes('step') && types.includes('epoch'), `${types}`);
  assert.equal(types.at(-1), 'done', stderr());

  assert.deepEqual(await post(), { id: 2 });
  let last = '';
  for await (const type of eventsOf(`${url}/jobs/2`)) {
    last = type;
    if (type === 'step') await fetch(`${url}/jobs/2`, { method: 'DELETE' });
  }
  assert.equal(last, 'failed'); // ERR_MOCO_ABORTED
  assert.equal((await fetch(`${url}/jobs/3`)).status, 404);
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null], stderr());
});

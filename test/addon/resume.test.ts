import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createTrainer, MocoError, resumedConfig, type TrainConfigInput } from 'moco-node';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { checkpointPaths, findCheckpoint } from '#moco/train/checkpoint.js';
import { randomBit, withFlippedBit } from '../support/flippedBits.js';
import { Dice } from '../support/mutations.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const folder = temporaryFolder();
let config: TrainConfigInput;
/** Of a run with two checkpoints. */
let run: string;
before(async () => {
  config = {
    ...{ dataset: 'shapes', trainLimit: 8, testLimit: 4, arch: 'resnet18', featureDim: 16, m: 8 },
    ...{ k: 2, batchSize: 8, epochs: 1, device: 'cpu', threads: 1, out: folder },
  };
  await using trainer = await createTrainer(config);
  for await (const _event of trainer.run());
  run = trainer.description.files.directory;
});

const COUNTER = '/proc/self/io';

/** Bytes that this process reads from files while `work` goes on. */
async function bytesRead(work: () => Promise<void>): Promise<number> {
  const count = () => Number(/^rchar: (\d+)$/m.exec(readFileSync(COUNTER, 'utf8'))?.[1]);
  const start = count();
  await work();
  return count() - start;
}

test('a checkpoint that a run goes on from is read once', {
  skip: existsSync(COUNTER) ? false : 'this system does not count what a process reads',
}, async () => {
  const { size } = await stat(checkpointPaths(run).newest);
  const anew = await bytesRead(async () => {
    await using _trainer = await createTrainer(config);
  });
  const goingOn = await bytesRead(async () => {
    const before = await resumedConfig(run);
    await using _trainer = await createTrainer(before, { resume: run });
  });
  const read = goingOn - anew;
  assert.ok(read >= size && read < 1.1 * size, `${read} bytes of a checkpoint of ${size}`);
});

test('a flipped bit in a tensor of a checkpoint is found before anything is made of it', async () => {
  const dice = new Dice(4);
  const { newest } = checkpointPaths(run);
  const { tensors } = await readTensorFile(newest);
  for (let count = 0; count < 20; count++) {
    const tensor = dice.of(tensors);
    await withFlippedBit(newest, randomBit(tensor, dice), async () => {
      const error = await createTrainer(config, { resume: newest }).catch((error) => error);
      assert.ok(error instanceof MocoError);
      assert.equal(error.code, 'ERR_MOCO_CHECKPOINT');
      const problem = `the checksum of 1 of ${tensors.length} tensors is wrong: "${tensor.name}"`;
      assert.equal(error.message, `${newest}: ${problem}`);
    });
  }
});

test('where a tensor of the newest checkpoint is damaged, the one before is taken, and a line says so', async () => {
  const dice = new Dice(5);
  const { newest, previous } = checkpointPaths(run);
  const kept = join(folder, 'kept');
  await copyFile(newest, kept);
  const { tensors } = await readTensorFile(newest);
  await withFlippedBit(newest, randomBit(dice.of(tensors), dice), async () => {
    assert.equal((await findCheckpoint(run)).checkpoint.path, newest, 'its header is good');
    await using trainer = await createTrainer(config, { resume: run });
    const events = [];
    for await (const event of trainer.run()) events.push(event);
    const [start, warning] = events;
    assert.ok(start?.type === 'start' && warning?.type === 'warning');
    assert.deepEqual(start.resumed, { path: previous, epoch: 1, step: 0 });
    assert.ok(
      warning.message.startsWith(`a checkpoint was passed over: ${newest}: the checksum of`),
    );
  });
  await copyFile(kept, newest);
});

test('where no checkpoint of a run is good, all that is wrong is told', async () => {
  const dice = new Dice(6);
  const { newest, previous } = checkpointPaths(run);
  const { tensors } = await readTensorFile(newest);
  const place = randomBit(dice.of(tensors), dice);
  await withFlippedBit(newest, place, () =>
    withFlippedBit(previous, place, async () => {
      await assert.rejects(createTrainer(config, { resume: run }), {
        code: 'ERR_MOCO_CHECKPOINT',
        message: new RegExp(
          `^${run} holds no checkpoint is good:\n.*${newest}: the checksum.*\n.*${previous}: the checksum`,
        ),
      });
    }),
  );
});

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { createTrainer, type TrainConfigInput, train } from 'moco-node';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

/** So long that a busy machine finds a length, too; no run here lasts so long. */
const BUDGET = '5m';

const config = (out: string): TrainConfigInput => ({
  ...TINY_RUN,
  ...{ trainLimit: 32, testLimit: 8, budget: BUDGET, out },
});

test('a budget gives a run its length, and a run that goes on keeps it without a trial', async (context) => {
  const out = temporaryFolder(context);
  const trials: number[] = [];
  const onTrial = ({ seconds }: { seconds: number }) => void trials.push(seconds);
  const controller = new AbortController();
  let planned: number | undefined;
  const stopped = async () => {
    await using trainer = await createTrainer(config(out), { onTrial });
    assert.deepEqual(readdirSync(out), [], 'the trial leaves nothing behind');
    const { budget } = trainer.description;
    planned = trainer.config.steps;
    assert.ok(budget !== undefined && budget.steps === planned && budget.steps > 0);
    assert.ok(budget.expectedSeconds <= 300 && budget.spentSeconds > 0);
    for await (const event of trainer.run({ signal: controller.signal })) {
      if (event.type === 'step') controller.abort();
    }
  };
  await assert.rejects(stopped, { code: 'ERR_MOCO_ABORTED' });
  assert.equal(trials.length, 1);

  await using again = await createTrainer(config(out), { resume: true, onTrial });
  assert.equal(again.config.steps, planned);
  assert.equal(again.description.budget, undefined);
  assert.equal(trials.length, 1);

  const other = { ...config(out), budget: '2h' };
  const { directory } = again.description.files;
  await assert.rejects(createTrainer(other, { resume: directory }), {
    code: 'ERR_MOCO_CONFIG',
    message: /budget: the run of .* goes on, and its length was settled when it began/,
  });
});

test('a budget that is too short says what it takes', async (context) => {
  await assert.rejects(train({ ...config(temporaryFolder(context)), budget: '1s' }), {
    code: 'ERR_MOCO_CONFIG',
    message: /^budget: no run of even one step ends in time/,
  });
});

test('a run of a number of steps is as long as that, and the same as the beginning of a longer one', async (context) => {
  const losses = async (steps: number) => {
    const { budget, epochs, ...rest } = { ...config(temporaryFolder(context)) };
    const seen: number[] = [];
    await train(
      { ...rest, steps, evalUntrained: true },
      { onEvent: (event) => void (event.type === 'step' && seen.push(event.loss)) },
    );
    return seen;
  };
  const [short, long] = [await losses(3), await losses(4)];
  assert.equal(short.length, 3);
  assert.deepEqual(long.slice(0, 3), short);
});

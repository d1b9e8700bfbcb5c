import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MeasuredSpeed, planBudget } from '#moco/train/budgetPlan.js';

const SPEED: MeasuredSpeed = {
  secondsPerStep: 0.5,
  secondsPerEvaluation: 10,
  secondsPerSave: 0.25,
};
const RUN = { evalEvery: 1, evalUntrained: false, checkpointEvery: 1, stepsPerEpoch: 100 } as const;

test('the run is the longest that ends in time, with its evaluations and checkpoints', () => {
  const plan = planBudget(600, 20, SPEED, RUN);
  // Nine whole epochs take 50 + 10 + 0.25 s each, which leaves 37.5 s of 580 less the first save.
  assert.deepEqual([plan.steps, plan.epochs, plan.evalEvery], [954, 10, 1]);
  assert.equal(plan.expectedSeconds, 20 + 954 * 0.5 + 10 * 10 + 11 * 0.25);
  assert.ok(plan.expectedSeconds <= 600 && 600 - plan.expectedSeconds < 0.5);
});

test('whatever the speed, the plan ends in time, and one more step would not', () => {
  for (const secondsPerStep of [0.01, 0.3, 7, 45]) {
    for (const secondsPerEvaluation of [0.1, 9, 120]) {
      for (const evalEvery of ['auto', 1, 3] as const) {
        const speed = { ...SPEED, secondsPerStep, secondsPerEvaluation };
        const run = { ...RUN, evalEvery, evalUntrained: true };
        const plan = planBudget(3600, 60, speed, run);
        assert.ok(plan.expectedSeconds <= 3600);
        const next = secondsPerStep + secondsPerEvaluation + SPEED.secondsPerSave;
        assert.ok(plan.expectedSeconds + next > 3600, JSON.stringify(plan));
      }
    }
  }
});

test('evaluations take a twentieth of the budget at most, unless it is said how often they are made', () => {
  const share = (evalEvery: number | 'auto') => {
    const plan = planBudget(3600, 0, SPEED, { ...RUN, evalEvery });
    const evaluations = Math.ceil(plan.epochs / plan.evalEvery);
    return { every: plan.evalEvery, share: (evaluations * 10) / 3600 };
  };
  const adapted = share('auto');
  assert.equal(adapted.every, 4);
  assert.ok(adapted.share <= 0.05);
  assert.equal(share(1).every, 1);
  assert.ok(share(1).share > 0.15);
});

test('evaluations that cost little are made after every epoch', () => {
  const speed = { ...SPEED, secondsPerEvaluation: 1 };
  assert.equal(planBudget(3600, 0, speed, { ...RUN, evalEvery: 'auto' }).evalEvery, 1);
});

test('a budget that is too short for a step and its evaluation is refused, with what it takes', () => {
  assert.throws(() => planBudget(12, 5, SPEED, RUN), {
    code: 'ERR_MOCO_CONFIG',
    message:
      'budget: no run of even one step ends in time: a step takes 0.5 s, and an evaluation 10.0 s',
    hint: 'Give it 16s at least, and rather several times as much.',
  });
  assert.equal(planBudget(16, 5, SPEED, RUN).steps, 1);
});

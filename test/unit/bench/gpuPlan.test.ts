import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchScript } from '../../support/benchScript.js';

const { secondsFor } = await benchScript('gpu/plan.mjs');
const { readPart } = await benchScript('gpu/parts.mjs');

test('a step may take what is left but for what those after it need', () => {
  assert.equal(secondsFor({ least: 10 }, 500, [{ least: 30 }, { least: 70 }]), 400);
});

test('no step gets more than its most, nor gives up its least for a later one', () => {
  assert.equal(secondsFor({ least: 10, most: 60 }, 500, [{ least: 30 }]), 60);
  assert.equal(secondsFor({ least: 40, most: 60 }, 50.9, [{ least: 30 }]), 40);
});

test('a step that needs more than is left is left out', () => {
  assert.equal(secondsFor({ least: 40 }, 39, []), undefined);
  assert.equal(secondsFor({ least: 1 }, -3, []), undefined);
});

test('what all others need is given all that is left', () => {
  assert.equal(secondsFor({ least: 5, essential: true }, 500, [{ least: 300 }]), 500);
});

const names = (...args: string[]): string[] =>
  readPart([...args, '--out', 'out']).steps.map(({ name }: { name: string }) => name);

test('each part builds first, and what it may take at least fits into its time with a cold build', () => {
  for (const part of ['check', 'kernels', 'compare', 'tests', 'table', 'train']) {
    const { steps, seconds } = readPart([part, '--out', 'out']);
    assert.equal(steps.find(({ until }: { until?: string }) => !until).name, 'build');
    assert.equal(seconds, 530);
    const least = steps.reduce((sum: number, step: { least: number }) => sum + step.least, 0);
    assert.ok(least <= 330, `${part} needs ${least} s beside the build`);
  }
});

test('the parts have the steps that they are named for', () => {
  assert.deepEqual(names('kernels'), [
    ...['build', 'batch-norm-256', 'convolutions-256', 'folded-256', 'profile'],
    ...['batch-norm-512', 'convolutions-512', 'folded-512'],
  ]);
  assert.deepEqual(names('compare'), ['build', 'compile', 'table', 'train']);
});

test('training goes on for the minutes that it is told, or for what is left of the part', () => {
  const trainOf = (...args: string[]) => {
    const { steps, seconds } = readPart([...args, '--out', 'out']);
    return { seconds, command: steps.at(-1).command(400) };
  };
  const told = trainOf('train', '--minutes', '25');
  assert.equal(told.seconds, 600 + 25 * 60);
  assert.equal(told.command[told.command.indexOf('--minutes') + 1], '25');
  const { command } = trainOf('compare');
  assert.equal(command[command.indexOf('--minutes') + 1], '6');
});

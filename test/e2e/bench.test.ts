import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BenchResult, type ProfileResult, STEP_PHASES } from 'moco-node';
import { packageRoot } from '#moco/packageRoot.js';

const TINY = [
  ...['--arch', 'resnet18', '--batch-size', '8', '--m', '64', '--device', 'cpu'],
  ...['--precision', 'fp32', '--rounds', '1', '--seconds', '0', '--threads', '1'],
  ...['--bank', '300', '--queries', '20', '--k', '5', '--matrix', '128'],
];

function bench(...words: string[]) {
  const command = [join(packageRoot, 'bin/moco.js'), 'bench', ...TINY, ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('bench --json prints one object, with every number', () => {
  const { status, stdout, stderr } = bench('--json');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.equal(stdout.trimEnd().split('\n').length, 1);
  const { precisions, augmentation, knn, memory, description }: BenchResult = JSON.parse(stdout);
  const [{ precision, step, extraction, matrixProduct } = assert.fail()] = precisions;
  assert.equal(precision, 'fp32');
  const rates = [step.picturesPerSecond, extraction.picturesPerSecond, matrixProduct.flops];
  for (const { median } of [...rates, augmentation.secondsPerView, knn.seconds]) {
    assert.ok(median > 0);
  }
  const shares = STEP_PHASES.map((phase) => step.phases[phase]);
  const whole = shares.reduce((sum, share) => sum + share, step.phases.other);
  assert.ok(Math.abs(whole - 1) < 1e-9);
  assert.ok(step.convolutions > 0 && step.convolutions < 1);
  assert.ok(memory.peak > 0);
  assert.deepEqual(description.multiplyAdds, { backbone: 555_417_600, head: 327_680 });
});

test('bench prints a table', () => {
  const { status, stdout, stderr } = bench();
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /^device +cpu \(.+\), \d+ cores?, 1 compute thread, 1 data thread$/m);
  assert.match(stdout, /^training step fp32 +\d+\.\d +\d+\.\d – \d+\.\d +pictures\/s +\d+ %$/m);
  assert.match(stdout, /^augmentation, one core +\d+\.\d +.* µs\/view$/m);
});

test('bench --profile tells the operators of forward, backward and optimiser', () => {
  const { status, stdout } = bench('--profile', '--json');
  assert.equal(status, 0);
  const { profiles }: ProfileResult = JSON.parse(stdout);
  const operators = profiles[0]?.operators ?? assert.fail();
  const inPhase = (phase: string) =>
    operators.filter((operator) => operator.phase === phase).map(({ name }) => name);
  assert.ok(inPhase('forward').some((name) => /^(moco|aten::native)(::|_)batch_norm$/.test(name)));
  assert.ok(inPhase('backward').includes('aten::convolution_backward'));
  assert.ok(inPhase('update').includes('aten::_fused_adam_'));
  const whole = operators.reduce((sum, { share }) => sum + share, 0);
  assert.ok(whole > 0.5 && whole <= 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BenchResult } from '#moco/bench/bench.js';
import { benchOn } from '#moco/bench/bench.js';
import { profileStepOn } from '#moco/bench/profile.js';
import { benchHeader, benchReport, measuringText } from '#moco/cli/benchText.js';
import { profileReport } from '#moco/cli/profileText.js';
import { benchCommand } from '#moco/config/benchConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { benchmarkAddon } from '../../support/benchmarkDouble.js';

const config = parseConfig(benchCommand, { batchSize: 10, rounds: 3, bank: 2000, queries: 100 });
const measured = (): Promise<BenchResult> =>
  benchOn(benchmarkAddon({ flops: [1, 1e11, 2e11, 4e11] }), config, {});

test('bench says what it measures, on what', async () => {
  const { description } = await measured();
  const node = process.version;
  const { mocoVersion } = description;
  const start = { ...description, cores: 4 };
  assert.deepEqual(benchHeader({ type: 'start', config, description: start }), [
    `moco ${mocoVersion}, LibTorch 2.13.0, Node ${node}`,
    'device  cpu (double), 4 cores, 2 compute threads, 1 data thread',
    '        fp32 and bf16: as the double likes it',
    'step    resnet50, 10 pictures of 32×32, m 4096',
  ]);
});

test('bench says what it is at', () => {
  const event = { type: 'measuring', rounds: 5 } as const;
  assert.equal(
    measuringText({ ...event, round: 2, measurement: 'training step', precision: 'bf16' }),
    'round 2/5: training step, bf16 …',
  );
  assert.equal(measuringText({ ...event, round: 0, measurement: 'kNN' }), 'warm-up: kNN …');
});

test('bench gives medians, ranges and shares, and where a step goes', async () => {
  assert.deepEqual(benchReport(await measured()), [
    '',
    '                         median         range         unit   of the matrix product',
    'matrix product fp32         200     100 – 400      GFLOP/s',
    'training step fp32         10.0   10.0 – 10.0   pictures/s                     0 %',
    'extraction fp32             4.0     4.0 – 4.0   pictures/s                     0 %',
    'matrix product bf16         200     100 – 400      GFLOP/s',
    'training step bf16         10.0   10.0 – 10.0   pictures/s                     0 %',
    'extraction bf16             4.0     4.0 – 4.0   pictures/s                     0 %',
    'augmentation, one core     40.0   40.0 – 40.0      µs/view',
    'kNN                        2.00   2.00 – 2.00            s',
    '',
    'kNN: bank × queries × length 2000 × 100 × 512, k 200; 3 rounds',
    '',
    'a step goes to    wait   input   forward   backward   update   other   in convolutions',
    'fp32             1.0 %   2.0 %    30.0 %     60.0 %    5.0 %   2.0 %              75 %',
    'bf16             1.0 %   2.0 %    30.0 %     60.0 %    5.0 %   2.0 %              75 %',
    '',
    'wait: for views; input: normalising them, and making them where a GPU does; update: optimiser, momentum update and queue',
    'the first step took 6.00 s in fp32, 6.00 s in bf16; the first extraction 4.00 s in fp32, 4.00 s in bf16',
    'large tensors in CPU memory: 3000 MB at most',
  ]);
});

test('bench tells of a GPU what it held, too', async () => {
  const result = await measured();
  const onGpu = { ...result, description: { ...result.description, device: 'cuda:0' } };
  assert.equal(
    benchReport(onGpu).at(-1),
    'tensors in the memory of the GPU: 3000 MB at most, 4000 MB with what is kept for the next ones',
  );
});

test('a profile is a table of operators', async () => {
  const result = await profileStepOn(benchmarkAddon(), { ...config, precision: 'fp32' }, {});
  assert.deepEqual(profileReport(result), [
    '',
    'fp32: 1000.0 ms per step, mean of 2 steps',
    '',
    'wait    input   forward   backward   update    other   in convolutions',
    '0.0 %   0.0 %    30.0 %     50.0 %    0.0 %   20.0 %              75 %',
    '',
    'operator                        phase   calls/step   ms/step    share',
    'aten::convolution_backward   backward           10     500.0   50.0 %',
    'aten::mkldnn_convolution      forward           20     250.0   25.0 %',
    'aten::empty                     other            1     100.0   10.0 %',
    'aten::mm                      forward            2      50.0    5.0 %',
  ]);
});

test('a long profile ends with what the other operators take together', async () => {
  const result = await profileStepOn(benchmarkAddon(), { ...config, precision: 'fp32' }, {});
  const [profile = assert.fail()] = result.profiles;
  const short = { phase: 'update', name: 'aten::add', callsPerStep: 1 } as const;
  const operators = Array.from({ length: 27 }, () => ({
    ...{ ...short, secondsPerStep: 0.01, share: 0.01 },
  }));
  const lines = profileReport({ ...result, profiles: [{ ...profile, operators }] });
  assert.match(lines.at(-1) as string, /^others +20\.0 +2\.0 %$/);
});

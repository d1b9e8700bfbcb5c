import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochLine, QueueNotes, stepMetrics, TrainText } from '#moco/cli/trainText.js';
import type {
  DoneEvent,
  EpochEvent,
  EvaluationEvent,
  StartEvent,
  StepEvent,
} from '#moco/train/events.js';
import { MEASURED } from '../../support/trainerDouble.js';

const metrics = {
  epoch: 3,
  epochs: 50,
  loss: 7.12345,
  contrastiveAccuracy: 0.125,
  gradientNorm: 2,
  learningRate: 1e-3,
  picturesPerSecond: 511.6,
  queueFill: 0.629,
  secondsLeft: 7980,
};

const step = (place: Partial<StepEvent>): StepEvent => ({
  ...{ ...metrics, type: 'step', epoch: 1, step: 1, stepsPerEpoch: 4, seconds: 0.5, ...place },
});

const unlabelled = { epoch: 3, top1: undefined, top5: undefined } as const;

const evaluation = (result: Pick<EvaluationEvent, 'top1' | 'top5' | 'best'>): EvaluationEvent => ({
  ...{ type: 'evaluation', epoch: 3, epochs: 50, measures: MEASURED, isBest: true },
  ...{ seconds: 2, secondsLeft: 90 },
  ...result,
});

const epoch: EpochEvent = { ...metrics, type: 'epoch', seconds: 83, isEvaluated: true };

test('a live line shows loss, rate, time left, and the queue until it is full', () => {
  const text = 'loss 7.1235  512 pictures/s  queue 62 %  2 h 13 min left';
  assert.equal(stepMetrics(step({})), text);
  assert.equal(stepMetrics(step({ queueFill: 1 })), text.replace('queue 62 %  ', ''));
});

test('a slow rate keeps one decimal', () => {
  assert.match(stepMetrics(step({ picturesPerSecond: 9.74 })), / 9\.7 pictures\/s/);
});

test("an epoch's line ends with its kNN result, and says where it is the best so far", () => {
  const means = 'epoch  3/50  loss 7.1235  contrastive top-1 12.50 %  512 pictures/s (1 min 23 s)';
  assert.equal(epochLine(epoch), `${means}  evaluating …`);
  const best = { epoch: 3, by: 'knn', value: 45.678, top1: 45.678, top5: 92 } as const;
  const event = evaluation({ top1: 45.678, top5: 92, best });
  assert.equal(epochLine(epoch, event), `${means}  kNN top-1 45.68 %, top-5 92.00 % (best)`);
  assert.equal(
    epochLine(epoch, { ...event, isBest: false }),
    `${means}  kNN top-1 45.68 %, top-5 92.00 %`,
  );
});

test('without labels, the line ends with what is told without them', () => {
  const best = { ...unlabelled, by: 'ownKeyRank', value: 0.0625 } as const;
  assert.match(
    epochLine(epoch, evaluation({ ...unlabelled, best })),
    / {2}own key's rank 6\.25 %, neighbours agree 25\.00 %, effective rank 100\.5 \(best\)$/,
  );
});

test('a line says what the best epoch is chosen by', () => {
  const best = { ...unlabelled, by: 'uniformity', value: -3 } as const;
  assert.match(
    epochLine(epoch, evaluation({ ...unlabelled, best })),
    / {2}uniformity -3\.000, own key's rank 6\.25 %, neighbours agree .* \(best\)$/,
  );
  assert.match(
    epochLine(epoch, evaluation({ top1: 45.678, top5: 92, best })),
    / {2}kNN top-1 45\.68 %, top-5 92\.00 %, uniformity -3\.000 \(best\)$/,
  );
  const files = { results: 'r', model: 'm' };
  const done = { type: 'done', best, hasBestModel: true, files, seconds: 90 };
  assert.equal(
    new TrainText().textOf(done as unknown as DoneEvent).lines?.[0],
    'done in 1 min 30 s; best uniformity -3.000 after epoch 3',
  );
});

test('an epoch without evaluation has its line at once, and it stays', () => {
  const line = 'epoch  3/50  loss 7.1235  contrastive top-1 12.50 %  512 pictures/s (1 min 23 s)';
  assert.deepEqual(new TrainText().textOf({ ...epoch, isEvaluated: false }), { lines: [line] });
  assert.deepEqual(new TrainText().textOf(epoch), { live: `${line}  evaluating …` });
});

test('a run that goes on says where, and a finished one that nothing is left to do', () => {
  const resumedLine = (epoch: number, step: number): string | undefined => {
    const description = {
      dataset: { name: 'shapes' },
      files: { directory: 'results/run' },
      memory: {},
    };
    const resumed = { path: 'c', epoch, step };
    const start = { type: 'start', config: { epochs: 3 }, description, resumed };
    return new TrainText().textOf(start as unknown as StartEvent).lines?.at(-1);
  };
  assert.equal(resumedLine(3, 2), 'resumed c: epoch 3, after step 2');
  assert.equal(resumedLine(4, 0), 'resumed c: nothing is left to do; --epochs trains longer');
});

test('a run tells what memory it should take, and what there is', () => {
  const memoryLine = (device: string): string | undefined => {
    const memory = { peak: 1.5 * 2 ** 30, available: 80 * 2 ** 30 };
    const description = {
      device,
      dataset: { name: 'shapes' },
      files: { directory: 'results/run' },
      memory,
    };
    const start = { type: 'start', config: {}, description };
    const lines = new TrainText().textOf(start as unknown as StartEvent).lines;
    return lines?.find((line) => line.startsWith('memory'));
  };
  assert.equal(memoryLine('cpu'), 'memory  1.5 GiB at its peak, of 80.0 GiB');
  assert.equal(memoryLine('cuda:0'), 'memory  1.5 GiB at its peak, of free 80.0 GiB');
});

/** The notes after each of a run's steps, as far as there are any. */
function notes(m: number, fills: readonly number[]): string[] {
  const queue = new QueueNotes();
  const views = [{ role: 'student' }, { role: 'teacher', count: 1 }];
  const config = { m, batchSize: 16, accumulate: 1, epochs: 2, views };
  const start = { type: 'start', config, description: { stepsPerEpoch: 4 } };
  queue.after(start as unknown as StartEvent);
  return fills.flatMap((queueFill, index) => {
    const place = { epoch: Math.floor(index / 4) + 1, step: (index % 4) + 1, epochs: 2 };
    return queue.after(step({ ...place, queueFill })) ?? [];
  });
}

test('a queue that fills up is announced once, and once when it is full', () => {
  assert.deepEqual(notes(96, [0.2, 0.4, 0.5, 0.7, 0.9, 1, 1, 1]), [
    'note: the queue starts with random vectors, and the loss rises while real keys replace them, for the first 6 steps',
    'note: the queue is full of real keys (epoch 2/2, step 2)',
  ]);
});

test('a queue that the run cannot fill is announced as such', () => {
  const [note, ...others] = notes(160, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]);
  assert.match(note as string, /that takes 10 steps, more than this run has/);
  assert.deepEqual(others, []);
});

test('a queue that one batch fills is not worth a word', () => {
  assert.deepEqual(notes(16, [1, 1, 1]), []);
});

test('the untrained encoder has a line of its own, and the end compares with it', () => {
  const text = new TrainText();
  const untrained = {
    ...evaluation({ top1: 33.2, top5: 80, best: undefined }),
    ...{ epoch: 0, isBest: false },
  };
  assert.deepEqual(text.textOf(untrained), {
    lines: ['epoch  0/50  untrained  kNN top-1 33.20 %, top-5 80.00 %'],
  });
  const best = { epoch: 3, by: 'knn', value: 61.4, top1: 61.4, top5: 92 } as const;
  const files = { results: 'r', model: 'm' };
  const done = { type: 'done', best, hasBestModel: true, files, seconds: 90, untrainedTop1: 33.2 };
  assert.deepEqual(text.textOf(done as unknown as DoneEvent).lines?.slice(1, 3), [
    'kNN     61.40 % of the test pictures are told by the training pictures that the encoder takes for',
    '        most alike, before training 33.20 %; it was trained without any label',
  ]);
});

/** The lines of a header that begin with a word, and those that belong to them. */
function headerLines(word: string, config: object, described: object = {}): string[] {
  const description = {
    ...{ dataset: { name: 'shapes' }, files: { directory: 'results/run' }, memory: {} },
    ...{ stepsPerEpoch: 31, ...described },
  };
  const start = { type: 'start', config, description };
  const lines = new TrainText().textOf(start as unknown as StartEvent).lines ?? [];
  const first = lines.findIndex((line) => line.startsWith(word));
  const rest = lines.slice(first + 1);
  const others = rest.findIndex((line) => !line.startsWith(' '));
  return first < 0 ? [] : [lines[first] as string, ...rest.slice(0, others)];
}

test('a header says how long the run is', () => {
  const run = { epochs: 3, batchSize: 64, evalEvery: 1 };
  assert.deepEqual(headerLines('run', run), ['run     3 epochs of 31 steps with 64 pictures']);
  assert.deepEqual(headerLines('run', { ...run, steps: 93 }), [
    'run     3 epochs of 31 steps with 64 pictures',
  ]);
  assert.deepEqual(headerLines('run', { ...run, steps: 70, evalEvery: 2 }), [
    'run     70 steps with 64 pictures: 2.26 epochs of 31 steps, evaluated every 2 epochs',
  ]);
});

test('a header says how a run was fitted into its budget', () => {
  const budget = {
    ...{ seconds: 3600, spentSeconds: 80, expectedSeconds: 3590 },
    ...{ secondsPerStep: 0.51234, secondsPerEvaluation: 61, secondsPerSave: 1 },
  };
  const [first, second] = headerLines('budget', {}, { budget });
  assert.equal(
    first,
    'budget  1 h 0 min, of which 1 min 20 s went by with loading and measuring: 0.512 s a step, 1 min 1 s an evaluation',
  );
  assert.match(second ?? '', /^ {8}should end at \d\d:\d\d, after 59 min 50 s$/);
});

test('a header names the recipe, and what is not as it says', () => {
  const recipe = { name: 'cpu', title: 'For two cores', reason: 'no GPU computes' };
  const changed = { batchSize: { recipe: 64, run: 32 }, steps: { recipe: undefined, run: 9 } };
  assert.deepEqual(headerLines('recipe', {}, { recipe: { ...recipe, changed } }), [
    'recipe  cpu: For two cores',
    '        chosen because no GPU computes',
    '        changed: batchSize 32 (64), steps 9 (none)',
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configKeys } from '#moco/config/commandConfig.js';
import { requirePictures } from '#moco/config/dataChecks.js';
import { parseConfig } from '#moco/config/resolve.js';
import { trainCommand, trainPictureChecks } from '#moco/config/trainConfig.js';
import { MocoError } from '#moco/error.js';

const parseTrainConfig = (config: unknown) => parseConfig(trainCommand, config);

/** The lines that say what is wrong with a configuration. */
function problems(config: unknown): string[] {
  try {
    parseTrainConfig(config);
  } catch (error) {
    assert.ok(error instanceof MocoError);
    assert.equal(error.code, 'ERR_MOCO_CONFIG');
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  assert.fail(`accepted ${JSON.stringify(config)}`);
}

test("without any key, the configuration is the reference's", () => {
  const { featureDim, m, temperature, momentum, k, batchSize, epochs, ...rest } = parseTrainConfig(
    {},
  );
  assert.deepEqual(
    { featureDim, m, temperature, momentum, k, batchSize, epochs },
    {
      featureDim: 128,
      m: 4096,
      temperature: 0.5,
      momentum: 0.999,
      k: 200,
      batchSize: 256,
      epochs: 500,
    },
  );
  const { views, ...others } = rest;
  assert.deepEqual(
    views.map(({ count, role, blur, solarise }) => ({ count, role, blur, solarise })),
    ['student', 'teacher'].map((role) => ({ count: 1, role, blur: 0, solarise: 0 })),
  );
  assert.deepEqual(others, {
    data: [],
    labels: 'none',
    split: 'auto',
    testFraction: 0.1,
    splitSeed: 0,
    strict: false,
    storedSize: 'auto',
    imageSize: 'auto',
    stem: 'auto',
    shuffleWindow: 0,
    dataset: 'cifar10',
    dataRoot: 'data',
    validation: 0,
    arch: 'resnet50',
    width: 1,
    zeroInit: false,
    headLayers: 2,
    headHiddenDim: 512,
    headBatchNorm: true,
    headLastBatchNorm: 'none',
    predictorLayers: 0,
    predictorHiddenDim: 512,
    predictorBatchNorm: true,
    predictorLastBatchNorm: 'none',
    batchNormGroups: 1,
    growFrom: 1,
    growUntil: 0.7,
    loss: 'info-nce',
    lossScale: 'none',
    negatives: 'queue',
    maskSame: false,
    teacherTemperature: 0.05,
    targetShare: 0.5,
    weightSigma: 0.5,
    keyEncoder: 'momentum',
    momentumUpdate: 'after',
    momentumSchedule: 'constant',
    keyStatistics: 'own',
    accumulate: 1,
    optimiser: 'adam',
    learningRate: 1e-3,
    scaleLearningRate: 'none',
    weightDecay: 1e-6,
    decayNormAndBias: true,
    optimiserMomentum: 0.9,
    nesterov: false,
    beta1: 0.9,
    beta2: 0.999,
    trustCoefficient: 0.001,
    trustClip: false,
    gradientClip: 0,
    schedule: 'constant',
    warmupEpochs: 0,
    stepEpochs: [],
    stepFactor: 0.1,
    finalLearningRate: 0,
    cyclePeak: 0.3,
    evalEvery: 'auto',
    evalUntrained: false,
    knnTemperature: 'auto',
    bestBy: 'auto',
    checkpointEvery: 1,
    checkpointMinutes: 10,
    seed: 0,
    device: 'auto',
    precision: 'auto',
    dataThreads: 'auto',
    threads: 'auto',
    tf32: true,
    deterministic: false,
    cudaGraph: true,
    out: 'results',
  });
});

test('a resolved configuration resolves to itself', () => {
  const config = parseTrainConfig({ trainLimit: 500, device: 'cuda:3', dataThreads: 3 });
  assert.deepEqual(parseTrainConfig(config), config);
});

test('a key that is undefined keeps its default', () => {
  assert.equal(parseTrainConfig({ epochs: undefined }).epochs, 500);
});

const numberKeys = [
  ...['trainLimit', 'testLimit', 'featureDim', 'm', 'k', 'batchSize', 'epochs', 'seed'],
  ...['temperature', 'momentum', 'learningRate', 'weightDecay', 'dataThreads', 'threads'],
  ...['validation', 'evalEvery', 'checkpointEvery', 'checkpointMinutes', 'batchNormGroups'],
  ...['optimiserMomentum', 'beta1', 'beta2', 'trustCoefficient', 'gradientClip', 'warmupEpochs'],
  ...['stepFactor', 'finalLearningRate', 'cyclePeak', 'width', 'headLayers', 'headHiddenDim'],
];
for (const key of numberKeys) {
  test(`${key} refuses what is negative, not finite, huge or not a number`, () => {
    for (const value of [-1, Number.NaN, Infinity, -Infinity, 1e300, '5', true, null, [1], {}]) {
      const [problem, ...others] = problems({ [key]: value });
      assert.match(problem as string, new RegExp(`^${key}: expected .*an? (integer|number)`));
      assert.deepEqual(others, []);
    }
  });
}

test('zero is refused wherever nothing can be trained with it', () => {
  const positive = ['trainLimit', 'testLimit', 'featureDim', 'm', 'k', 'batchSize', 'epochs'];
  for (const key of [
    ...positive,
    'temperature',
    'learningRate',
    'dataThreads',
    'threads',
    'evalEvery',
    'checkpointEvery',
    'batchNormGroups',
  ]) {
    assert.equal(problems({ [key]: 0 }).length, 1, key);
  }
  const zeros = ['momentum', 'weightDecay', 'seed', 'validation', 'checkpointMinutes'];
  for (const key of zeros) parseTrainConfig({ [key]: 0 });
});

test('whole numbers are asked for where parts make no sense', () => {
  for (const key of ['m', 'k', 'batchSize', 'epochs', 'featureDim', 'seed', 'dataThreads']) {
    assert.equal(problems({ [key]: 2.5 }).length, 1, key);
  }
});

test('a batch of one picture is refused: BatchNorm needs two', () => {
  assert.match(problems({ batchSize: 1 })[0] as string, /from 2 to 65536, given 1$/);
});

test('BatchNorm groups divide the batch into parts of at least two pictures', () => {
  for (const batchNormGroups of [1, 2, 32]) parseTrainConfig({ batchSize: 64, batchNormGroups });
  for (const batchNormGroups of [3, 64, 128]) {
    assert.deepEqual(problems({ batchSize: 64, batchNormGroups }), [
      `batchNormGroups: expected a number that divides batchSize (64) into groups of at least 2 pictures, given ${batchNormGroups}`,
    ]);
  }
});

test('losses, negatives and encoders of keys go together', () => {
  for (const loss of ['info-nce', 'dcl', 'dclw', 'sce', 'ressl', 'cosine'] as const) {
    const predictorLayers = loss === 'cosine' ? 2 : 0;
    parseTrainConfig({ loss, predictorLayers });
    parseTrainConfig({ loss, predictorLayers, keyEncoder: 'shared', negatives: 'batch' });
  }
  parseTrainConfig({ loss: 'nnclr', keyEncoder: 'shared', negatives: 'batch' });
  parseTrainConfig({ maskSame: true, negatives: 'both' });
  assert.deepEqual(problems({ loss: 'cosine' }), [
    'loss: expected a predictor with the loss cosine (predictorLayers 2), without which all pictures become alike',
  ]);
  assert.deepEqual(problems({ loss: 'nnclr' }), [
    "negatives: expected batch with the loss nnclr, which tells the batch's pictures apart, given queue",
  ]);
  assert.deepEqual(problems({ keyEncoder: 'shared', negatives: 'both' }), [
    'negatives: expected batch with the keyEncoder shared, whose earlier keys are not like its present ones, given both',
  ]);
  assert.deepEqual(problems({ maskSame: true, negatives: 'batch' }), [
    'maskSame: expected false where the queue gives no negatives, given true',
  ]);
});

test('as many pictures as a step takes are there', () => {
  const size = { dataset: 'shapes', trainLimit: 100, k: 10 } as const;
  parseTrainConfig({ ...size, batchSize: 25, accumulate: 4 });
  assert.deepEqual(problems({ ...size, batchSize: 25, accumulate: 5 }), [
    'batchSize: expected at most trainLimit (100), given 125',
  ]);
});

test('names are limited to those there are', () => {
  assert.deepEqual(problems({ dataset: 'imagenet' }), [
    'dataset: expected one of cifar10, cifar100, stl10, tiny-imagenet, shapes, given "imagenet"',
  ]);
  for (const device of ['gpu', 'cuda:', 'cuda:-1', 'cuda:1.5', 'CPU', '', 0]) {
    assert.match(problems({ device })[0] as string, /^device: .*auto, cpu, cuda or cuda:n/);
  }
});

test('a path that cannot be one is refused', () => {
  for (const out of ['', 'a\0b', 3])
    assert.match(problems({ out })[0] as string, /^out: expected a path/);
});

test('everything that is wrong is listed at once', () => {
  const lines = problems({ batchSize: -1, feature_dim: 3, temperature: 'warm', epohcs: 3 });
  assert.deepEqual(lines, [
    'batchSize: expected auto or an integer from 2 to 65536, given -1',
    'feature_dim: unknown key; the nearest known one is featureDim',
    'temperature: expected a number from 0.02 to 100, given "warm"',
    'epohcs: unknown key; the nearest known one is epochs',
  ]);
});

test('every key is found from its underscore, dash and lower-case spelling', () => {
  for (const key of configKeys(trainCommand)) {
    const words = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    for (const spelling of [words, words.replaceAll('_', '-'), `${key.toLowerCase()}s`]) {
      if (spelling === key) continue;
      assert.deepEqual(problems({ [spelling]: 1 }), [
        `${spelling}: unknown key; the nearest known one is ${key}`,
      ]);
    }
  }
});

test('keys that every object has are unknown all the same', () => {
  for (const key of ['constructor', 'toString', 'hasOwnProperty']) {
    assert.match(problems({ [key]: 1 })[0] as string, /unknown key/);
  }
  assert.match(problems(JSON.parse('{"__proto__": 1}'))[0] as string, /^__proto__: unknown key/);
});

test('batch and k are compared with the number of pictures that is asked for', () => {
  assert.deepEqual(problems({ trainLimit: 100 }), [
    'batchSize: expected at most trainLimit (100), given 256',
    'k: expected at most trainLimit (100): the kNN bank holds the training pictures, given 200',
  ]);
  parseTrainConfig({ trainLimit: 256 });
});

test('limits, batch and k are compared with the data set, all at once', () => {
  const most = 'expected at most 10000, the number of training pictures of shapes';
  const tooMany = { trainLimit: 10_001, testLimit: 2_001, batchSize: 10_002, k: 10_003 };
  assert.deepEqual(problems({ dataset: 'shapes', ...tooMany }), [
    `trainLimit: ${most}, given 10001`,
    'testLimit: expected at most 2000, the number of test pictures of shapes, given 2001',
    `batchSize: ${most}, given 10002`,
    `k: ${most}: the kNN bank holds the training pictures, given 10003`,
  ]);
  parseTrainConfig({ dataset: 'shapes', trainLimit: 10_000, testLimit: 2_000, k: 10_000 });
});

test('a set of files may have any number of pictures, until they are found', () => {
  for (const dataset of ['cifar10', 'cifar100'] as const) {
    const settings = parseTrainConfig({
      dataset,
      k: 60_000,
      trainLimit: 70_000,
      testLimit: 20_000,
    });
    const size = { train: 40, test: 5, source: 'in data/mine' };
    const check = () => requirePictures(trainCommand, trainPictureChecks, settings, size);
    assert.throws(check, {
      code: 'ERR_MOCO_CONFIG',
      message: [
        'the configuration has 4 problems:',
        '  trainLimit: expected at most 40, the number of training pictures in data/mine, given 70000',
        '  testLimit: expected at most 5, the number of test pictures in data/mine, given 20000',
        '  batchSize: expected at most 40, the number of training pictures in data/mine, given 256',
        '  k: expected at most 40, the number of training pictures in data/mine: the kNN bank holds the training pictures, given 60000',
      ].join('\n'),
    });
    requirePictures(trainCommand, trainPictureChecks, settings, { ...size, train: 1e5, test: 1e5 });
  }
});

test('a set of a single training picture is refused', () => {
  const settings = parseTrainConfig({ batchSize: 2, k: 1 });
  const size = { train: 1, test: 5, source: 'in data/mine' };
  assert.throws(() => requirePictures(trainCommand, trainPictureChecks, settings, size), {
    message: /dataRoot: expected at least 2 training pictures, there is 1 in data\/mine$/,
  });
});

test('validation leaves enough training pictures for a batch and for k', () => {
  assert.deepEqual(problems({ trainLimit: 300, validation: 299 }), [
    'validation: expected at most 298 of the 300 training pictures, given 299',
  ]);
  assert.deepEqual(problems({ trainLimit: 300, validation: 101, k: 200 }), [
    'batchSize: expected at most 199, the training pictures that validation leaves, given 256',
    'k: expected at most 199, the training pictures that validation leaves: the kNN bank holds the training pictures, given 200',
  ]);
  parseTrainConfig({ trainLimit: 300, validation: 44 });
});

test('without labels, there may be fewer pictures than neighbours that would vote', () => {
  const size = { train: 100, test: 10, source: 'in pictures' };
  const own = { data: ['pictures'], batchSize: 64 };
  const checked = (labels: string) => () =>
    requirePictures(trainCommand, trainPictureChecks, parseTrainConfig({ ...own, labels }), size);
  checked('none')();
  assert.throws(checked('folders'), { message: / k: expected at most 100, .* given 200$/ });
});

test('a key that resembles none of those known gets no suggestion', () => {
  for (const key of ['foo', 'x']) assert.deepEqual(problems({ [key]: 1 }), [`${key}: unknown key`]);
});

test('what is compared with a wrong value is not reported on top', () => {
  assert.deepEqual(problems({ trainLimit: 150, batchSize: 64, k: 'all' }), [
    'k: expected an integer from 1 to 1000000, given "all"',
  ]);
});

test('a queue that no machine holds is refused before it is allocated', () => {
  assert.match(problems({ m: 4_194_304, featureDim: 65_536 })[0] as string, /at most 64 GiB/);
});

test('what is not an object is refused', () => {
  for (const config of [null, undefined, 3, 'train', [], () => {}]) {
    assert.match(problems(config)[0] as string, /^config: expected an object with keys/);
  }
});

test("labels and splits are for pictures of one's own", () => {
  assert.throws(() => parseTrainConfig({ labels: 'folders' }), {
    message:
      /labels: expected none for a data set that has a name, given folders: name your own pictures with --data/,
  });
  assert.equal(parseTrainConfig({ labels: 'folders', data: ['pictures'] }).labels, 'folders');
});

test("how many pictures of one's own there are is not known before they were found", () => {
  const config = { data: ['pictures'], dataset: 'shapes', trainLimit: 20_000, k: 15_000 } as const;
  assert.equal(parseTrainConfig(config).trainLimit, 20_000);
});

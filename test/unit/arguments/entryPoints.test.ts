import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import * as moco from '#moco/index.js';
import { ServiceEncoderDouble } from '../../support/serviceDouble.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { NativeTrainerDouble, trainerOn } from '../../support/trainerDouble.js';

/** Whatever begins nevertheless would write here. */
const folder = temporaryFolder();
process.chdir(folder);

/** A function of the API with right arguments, of which one at a time is made wrong. */
interface EntryPoint {
  readonly call: (...given: never[]) => unknown;
  readonly right: readonly unknown[];
  /** What is wrong for each argument, and for each option; by the place that the error names. */
  readonly wrong: Readonly<Record<string, readonly unknown[]>>;
}

class Settings {
  arch = 'resnet18';
}

const NOT_PLAIN = [
  Promise.resolve({ dataset: 'shapes' }),
  new Map([['dataset', 'shapes']]),
  new Date(),
  new Settings(),
  [],
  () => ({}),
  null,
  'shapes',
  7,
];
const NOT_SIGNALS = ['now', new AbortController(), { aborted: false }, new EventTarget(), null];
const NOT_FUNCTIONS = ['print', {}, null, Promise.resolve(() => {})];
const NOT_PATHS = [7, '', 'a\0b', null, undefined, new URL('file:///model.pth'), Buffer.from('a')];
const NOT_LISTS = ['pictures', [], [7], [''], null, new Set(['pictures'])];
const NOT_FLAGS = ['yes', 1, null];
const NOT_COMMANDS = ['train', undefined, null, {}, { name: 'train', schema: {} }];

const signal = { signal: NOT_SIGNALS };
const events = { ...signal, onEvent: NOT_FUNCTIONS };
const input = { ...signal, onDownload: NOT_FUNCTIONS, onPack: NOT_FUNCTIONS };
const loading = { ...input, ...events };
const creation = {
  ...input,
  onTrial: NOT_FUNCTIONS,
  resume: [false, 7, '', null],
  orStart: NOT_FLAGS,
  override: ['k', [7], null],
  group: [{}, 2, null],
};

const pictures = {
  ...signal,
  onProgress: NOT_FUNCTIONS,
  labels: [7, '', null],
  split: ['random', 7, null],
  testFraction: [2, -0.1, Number.NaN, '0.1', null],
  splitSeed: [-1, 0.5, '7'],
  imageSize: [0, 0.5, 513, '64', null],
  storedSize: [0, 513, Number.NaN],
};

const encoder = {
  ...signal,
  device: ['gpu', 'cuda:-1', 7, null],
  precision: ['fp16', 16, null],
  tf32: NOT_FLAGS,
  threads: [0, 1.5, 'all', null],
  arch: ['resnet20', 18, null],
  stem: ['auto', 7, null],
  prefix: [7, null],
  imageSize: [0, 4097, '224', Number.NaN, null],
  cropShare: [0, 1.1, '1', Number.NaN, null],
  mean: [[0.5, 0.5], 0.5, ['0', '0', '0'], null],
  std: [[0.5, 0.5], 0.5, ['1', '1', '1'], null],
  batchSize: [0, 1.5, '64', Number.NaN, null],
  maxQueue: [0, 1.5, '64', Number.NaN, null],
  batchInvariant: NOT_FLAGS,
};

const index = {
  ...signal,
  metric: ['l2', null],
  firstPass: ['bf16', null],
  approximate: NOT_FLAGS,
  threads: [0, 1.5, '2', null],
};

const optionsOf = (wrong: Record<string, readonly unknown[]>) => ({
  options: [...NOT_PLAIN, { signals: undefined }],
  ...Object.fromEntries(Object.entries(wrong).map(([key, values]) => [`options.${key}`, values])),
});
const configured = (call: (...given: never[]) => unknown, wrong: Record<string, unknown[]>) => ({
  call,
  right: [{ dataset: 'shapes' }, {}],
  wrong: { config: NOT_PLAIN, ...optionsOf(wrong) },
});
const ofCommand = (call: (...given: never[]) => unknown) => ({
  call,
  right: [moco.commands.train],
  wrong: { command: NOT_COMMANDS },
});

const serviceEncoder = new ServiceEncoderDouble();
/** What a Fastify has, as far as arguments are concerned. */
const host = { register() {}, route() {}, addHook() {} };

const ENTRY_POINTS: Record<string, EntryPoint> = {
  train: configured(moco.train, { ...creation, onEvent: NOT_FUNCTIONS }),
  createTrainer: configured(moco.createTrainer, creation),
  knn: configured(moco.knn, loading),
  neighbours: configured(moco.neighbours, input),
  linear: configured(moco.linear, loading),
  loadEncoder: {
    call: moco.loadEncoder,
    right: ['model.pth', {}],
    wrong: { modelPath: NOT_PATHS, ...optionsOf(encoder) },
  },
  embedPictures: configured(moco.embedPictures, { ...loading, onProgress: NOT_FUNCTIONS }),
  serve: configured(moco.serve, { ...signal, onFailure: NOT_FUNCTIONS }),
  mocoService: {
    call: moco.mocoService,
    right: [host, { encoder: serviceEncoder }],
    wrong: {
      host: [{}, null, 'fastify', Promise.resolve(host)],
      options: [null, 7, 'encoder'],
      'options.encoder': [undefined, null, {}, 'model.pth', Promise.resolve(serviceEncoder)],
      'options.index': [null, {}, 'features.safetensors'],
      'options.token': [7, null],
      'options.limits': [null, 7, new Map()],
    },
  },
  searchPictures: {
    ...configured(moco.searchPictures, signal),
    right: [{ queries: ['a.png'] }, {}],
  },
  findDuplicates: {
    ...configured(moco.findDuplicates, { ...signal, onProgress: NOT_FUNCTIONS }),
    right: [{}, {}],
  },
  'NeighbourIndex.build': {
    call: moco.NeighbourIndex.build,
    right: [new Float32Array(4), { dims: 2 }],
    wrong: {
      data: [[0, 1], new Float64Array(4), new ArrayBuffer(8), null],
      ...optionsOf({
        ...index,
        dims: [0, 1.5, '2', undefined],
        ids: ['ab', [7]],
        labels: [[0, 1]],
        classes: ['ab', [7]],
      }),
    },
  },
  'NeighbourIndex.load': {
    call: moco.NeighbourIndex.load,
    right: ['features.safetensors', {}],
    wrong: { path: NOT_PATHS, ...optionsOf(index) },
  },
  bench: configured(moco.bench, events),
  profileStep: configured(moco.profileStep, events),
  joinProcesses: { call: moco.joinProcesses, right: [{}], wrong: optionsOf(signal) },
  doctor: configured(moco.doctor, { ...signal, onFinding: NOT_FUNCTIONS }),
  setup: {
    call: moco.setup,
    right: [{}],
    wrong: optionsOf({ ...events, again: NOT_FLAGS }),
  },
  inspectFile: {
    call: moco.inspectFile,
    right: ['model.pth', {}],
    wrong: { path: NOT_PATHS, ...optionsOf({ ...signal, prefix: [7, null] }) },
  },
  convertModel: {
    call: moco.convertModel,
    right: ['model.pth', 'model.safetensors', {}],
    wrong: {
      input: NOT_PATHS,
      output: NOT_PATHS,
      ...optionsOf({ ...signal, force: NOT_FLAGS, prefix: [7], names: ['timm'] }),
    },
  },
  exportModel: configured(moco.exportModel, signal),
  packPictures: {
    call: moco.packPictures,
    right: [['pictures'], 'pictures.moco', {}],
    wrong: {
      folders: NOT_LISTS,
      out: NOT_PATHS,
      ...optionsOf({ ...pictures, strict: NOT_FLAGS }),
    },
  },
  inspectPictures: {
    call: moco.inspectPictures,
    right: [['pictures'], {}],
    wrong: { paths: NOT_LISTS, ...optionsOf(pictures) },
  },
  checkPictures: {
    call: moco.checkPictures,
    right: ['pictures.moco', {}],
    wrong: { path: NOT_PATHS, ...optionsOf({ ...signal, onProgress: NOT_FUNCTIONS }) },
  },
  resumedConfig: { call: moco.resumedConfig, right: ['run'], wrong: { target: NOT_PATHS } },
  configFlags: ofCommand(moco.configFlags),
  configJsonSchema: ofCommand(moco.configJsonSchema),
  configTemplate: ofCommand(moco.configTemplate),
  writeConfigTemplate: {
    call: moco.writeConfigTemplate,
    right: [moco.commands.knn, 'moco.json', {}],
    wrong: { command: NOT_COMMANDS, path: NOT_PATHS, ...optionsOf({ force: NOT_FLAGS }) },
  },
  parseConfig: {
    call: moco.parseConfig,
    right: [moco.commands.knn, {}],
    wrong: { command: NOT_COMMANDS, config: NOT_PLAIN },
  },
  resolveConfig: {
    call: moco.resolveConfig,
    right: [moco.commands.knn, {}],
    wrong: {
      command: NOT_COMMANDS,
      sources: NOT_PLAIN,
      'sources.base': NOT_PLAIN,
      'sources.file': NOT_PATHS.filter((value) => value !== undefined),
      'sources.flags': ['--k', [{ flag: 7 }], ['--k'], null],
    },
  },
  givenConfig: {
    call: moco.givenConfig,
    right: [moco.commands.knn, {}],
    wrong: { command: NOT_COMMANDS, sources: NOT_PLAIN },
  },
  recipe: { call: moco.recipe, right: ['reference'], wrong: { name: [7, null, undefined] } },
  'trainer.run': {
    call: (options: object) => trainerOn(new NativeTrainerDouble(), { out: folder }).run(options),
    right: [{}],
    wrong: optionsOf(signal),
  },
};

/** What is exported and has no arguments of its own. */
const OTHERS = [
  ...['MODEL_NAMES', 'MocoError', 'NeighbourIndex', 'STEP_PHASES'],
  ...['cachedSetups', 'commands', 'pruneSetups', 'recipes'],
];

test('every exported function is listed here', () => {
  const listed = Object.keys(ENTRY_POINTS).filter((name) => !name.includes('.'));
  assert.deepEqual([...listed, ...OTHERS].sort(), Object.keys(moco).sort());
});

for (const [name, { call, right, wrong }] of Object.entries(ENTRY_POINTS)) {
  test(`${name} refuses wrong arguments at the call, and says which`, async () => {
    const names = [...new Set(Object.keys(wrong).map((place) => place.split('.')[0] as string))];
    for (const [place, values] of Object.entries(wrong)) {
      const [argument = '', key] = place.split('.');
      for (const value of values) {
        const given = [...right];
        // A configuration or options that are left out are all defaults.
        given[names.indexOf(argument)] = key === undefined ? value : { [key]: value };
        const error = await errorOf(() => call(...(given as never[])));
        assert.ok(error instanceof moco.MocoError, `${place}: ${String(error)}`);
        assert.equal(error.code, 'ERR_MOCO_CONFIG', error.message);
        assert.ok(error.message.includes(`  ${place}`), `${place} in: ${error.message}`);
        assert.ok(error.hint);
      }
    }
    assert.deepEqual(readdirSync(folder), []);
  });
}

/** What a call throws, or its promise is rejected with. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('a promise in the place of a configuration, or in it, reminds of the `await`', async () => {
  const reminder = /promise: is an `await` missing\?/;
  const forgotten = Promise.resolve({ dataset: 'shapes' });
  await assert.rejects(moco.train(forgotten as object), {
    message: `the configuration has a problem:\n  config: expected an object with keys, given a promise: is an \`await\` missing?`,
  });
  const values = { modelPath: Promise.resolve('model.pth'), temperature: [Promise.resolve(1)] };
  for (const [key, value] of Object.entries(values)) {
    await assert.rejects(moco.knn({ [key]: value } as object), { message: reminder });
  }
  const thenable = runInNewContext('({ __proto__: { then() {} } })');
  await assert.rejects(moco.bench(thenable), { message: reminder });
});

test('objects of another realm, and such without a prototype, are as good as any', () => {
  const { knn } = moco.commands;
  const foreign = runInNewContext('({ k: 7, temperature: [0.1] })');
  assert.equal(moco.parseConfig(knn, foreign).k, 7);
  assert.deepEqual(moco.parseConfig(knn, foreign).temperature, [0.1]);
  assert.equal(moco.parseConfig(knn, Object.assign(Object.create(null), { k: 7 })).k, 7);
});

test('a signal of another realm, or of a polyfill, ends what it is given to', async () => {
  const listeners = new Set<() => void>();
  const polyfill = {
    aborted: false,
    addEventListener: (_: string, listener: () => void) => void listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => void listeners.delete(listener),
  };
  const out = join(folder, 'polyfill');
  const running = async () => {
    const trainer = trainerOn(new NativeTrainerDouble(), { out });
    for await (const event of trainer.run({ signal: polyfill as unknown as AbortSignal })) {
      if (event.type !== 'step') continue;
      polyfill.aborted = true;
      for (const listener of listeners) listener();
    }
  };
  await assert.rejects(running, { code: 'ERR_MOCO_ABORTED' });
  assert.equal(listeners.size, 0);
});

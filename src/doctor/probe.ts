import { randomFillSync } from 'node:crypto';
import { benchCommand } from '../config/benchConfig.js';
import type { DoctorConfig } from '../config/doctorConfig.js';
import { parseConfig } from '../config/resolve.js';
import { settledKeys } from '../config/settledKeys.js';
import { trainCommand } from '../config/trainConfig.js';
import type { NativeAddon } from '../native/addon.js';
import type { NativeFolded } from '../native/benchmark.js';
import type { NativePictures } from '../native/input.js';
import { loadAddonOf } from '../native/load.js';
import type { NativeHardware, NativeMemory } from '../native/machine.js';
import type { NativeTrainerDescription } from '../native/trainer.js';
import { decodeStepRows } from '../train/stepRows.js';

/** What the program is to try; it gets this as JSON, in its argument. */
export interface ProbeRequest extends Pick<DoctorConfig, 'device' | 'precision' | 'threads'> {
  /** The package's folder. */
  readonly root: string;
}

/** The addon was loaded. */
export interface Loaded {
  readonly seconds: number;
  readonly libtorchVersion: string;
  readonly hardware: NativeHardware;
  /** Why moco's own CUDA kernels are not used; undefined where there is no GPU. */
  readonly kernelsUnavailable: string | undefined;
}

/** Training steps were made. */
export interface Stepped {
  readonly description: NativeTrainerDescription;
  /** Duration of the last step. */
  readonly seconds: number;
  readonly loss: number;
  readonly memory: NativeMemory;
  /** What the trainer warned of. */
  readonly warnings: readonly string[];
}

/** Fused and plain convolutions of an evaluation were compared. */
export type Folded = NativeFolded;

/** Something failed. */
export interface Failure {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** One line that the program prints. */
export type ProbeLine =
  | { readonly loaded: Loaded }
  | { readonly stepped: Stepped }
  | { readonly folded: Folded }
  | { readonly failure: Failure };

const MODEL = { arch: 'resnet18', m: 64 } as const;
const BATCH = 8;
/** Enough steps that on a GPU one of them is replayed from the CUDA graph of an earlier one. */
const STEPS = 4;
const SIDE = 32;
/** For how long fused and plain convolutions are compared; the fastest of each count. */
const COMPARISON_SECONDS = 0.5;

/**
 * The program that `moco doctor` starts: loads the addon and trains for some steps. In a process of
 * its own, because a library that does not fit the machine may end it.
 */
async function main(request: ProbeRequest): Promise<void> {
  try {
    const start = performance.now();
    const addon = loadAddonOf(request.root);
    const seconds = (performance.now() - start) / 1000;
    const { libtorchVersion } = addon;
    const hardware = addon.hardware();
    const kernelsUnavailable = hardware.cuda && addon.cudaKernelsUnavailable();
    print({ loaded: { seconds, libtorchVersion, hardware, kernelsUnavailable } });
    print({ stepped: await train(addon, request) });
    print({ folded: await compareFolded(addon, request) });
  } catch (error) {
    const { code, message, hint } = error as Partial<Failure>;
    print({ failure: { code, message: message ?? String(error), hint } });
  }
}

/** Some steps of a ResNet-18. */
async function train(
  addon: NativeAddon,
  { device, precision, threads }: ProbeRequest,
): Promise<Stepped> {
  const run = { ...MODEL, k: 1, seed: 0, device, precision, threads };
  const settings = parseConfig(trainCommand, run);
  const config = { ...settings, ...settledKeys(settings, SIDE), batchSize: BATCH };
  const pictures = randomPictures();
  const trainer = await addon.createTrainer(config, {
    train: pictures,
    test: pictures,
    classes: ['one', 'other'],
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    cropShare: 1,
  });
  const { description } = trainer;
  let measured = { seconds: 0, loss: 0 };
  await trainer.trainEpoch(1, 1, (rows) => {
    for (const { seconds, loss } of decodeStepRows(rows)) measured = { seconds, loss };
  });
  const memory = trainer.memory();
  const warnings = await trainer.takeWarnings();
  await trainer.dispose();
  return { description, ...measured, memory, warnings };
}

/** A ResNet-18 in evaluation mode, with fused kernels and with plain ones. */
async function compareFolded(
  addon: NativeAddon,
  { device, precision, threads }: ProbeRequest,
): Promise<Folded> {
  const recipe = { ...MODEL, batchSize: BATCH, device, threads };
  const config = parseConfig(benchCommand, recipe);
  const benchmark = await addon.createBenchmark({
    ...config,
    ...{ stem: 'cifar', storedSize: SIDE, precision },
  });
  const folded = await benchmark.folded(COMPARISON_SECONDS);
  await benchmark.dispose();
  return folded;
}

function randomPictures(): NativePictures {
  return {
    pixels: randomFillSync(new Uint8Array(STEPS * BATCH * 3 * SIDE * SIDE)),
    labels: new Int32Array(STEPS * BATCH),
    count: STEPS * BATCH,
    height: SIDE,
    width: SIDE,
  };
}

function print(line: ProbeLine): void {
  console.log(JSON.stringify(line));
}

await main(JSON.parse(process.argv[2] as string));

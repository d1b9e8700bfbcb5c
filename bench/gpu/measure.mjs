// Runs a comparison on a GPU: every contestant is a process, so that one that fails, hangs or runs out
// of memory costs nobody else's results.
import { setTimeout as sleep } from 'node:timers/promises';
import { queryGpu } from './machine.mjs';

const START_SECONDS = 180;
const WARM_UP_SECONDS = 120;
const RUN_SECONDS = 60;

/** A contestant that could not start and be timed in so many seconds is left out. */
const LEAST_SECONDS = 20;

/**
 * Starts and warms up one contestant after the other, then times them interleaved, as long as there is
 * time.
 * @param contestants `{ name, line, start, warmUpSeconds }`; the first is the baseline
 * @param device `cpu` or `cuda`, whose memory is watched
 * @param secondsLeft a function: how long it may still go on
 * @param onRound called after each round with all results so far
 * @returns for each contestant `{ name, hello, seconds, memoryMiB, failure }`; `hello` is its first line
 */
export async function measure({ contestants, rounds, device, secondsLeft }, onRound) {
  const racers = [];
  const results = () => racers.map(({ result }) => result);
  try {
    for (const contestant of contestants) {
      racers.push(await racer(contestant, device, secondsLeft));
    }
    onRound(results());
    let longest = 0; // of the rounds
    for (let round = 0; round < rounds && longest < secondsLeft(); round++) {
      const before = secondsLeft();
      for (const each of racers) await timedRun(each);
      longest = Math.max(longest, before - secondsLeft());
      onRound(results());
    }
  } finally {
    for (const { side } of racers) side?.quit();
  }
  return results();
}

/** A contestant that has started and run once, or the reason why not. */
async function racer(contestant, device, secondsLeft) {
  const { name, line, start, pictures, warmUpSeconds = WARM_UP_SECONDS } = contestant;
  const result = { name, pictures, hello: undefined, seconds: [], memoryMiB: undefined };
  const racer = { line, result, side: undefined };
  const before = usedMemory(device);
  console.error(`  starting ${name}`);
  await guarded(racer, async () => {
    if (secondsLeft() < LEAST_SECONDS) throw new Error('no time was left');
    const starting = start().then((side) => keep(racer, side));
    await within(Math.min(START_SECONDS, secondsLeft()), 'to start', starting);
    await within(Math.min(warmUpSeconds, secondsLeft()), 'for its first run', racer.side.run(line));
    const after = usedMemory(device);
    if (before !== undefined && after !== undefined) result.memoryMiB = after - before;
  });
  return racer;
}

/** Of one that started too late nothing is kept. */
function keep(racer, side) {
  racer.side = side;
  racer.result.hello = side.hello;
  if (racer.result.failure) side.quit();
}

async function timedRun(racer) {
  if (racer.result.failure) return;
  await guarded(racer, async () => {
    racer.result.seconds.push(await within(RUN_SECONDS, 'for a run', racer.side.run(racer.line)));
  });
}

/** A failure is a result, too; its process ends, so that its memory is free. */
async function guarded(racer, work) {
  try {
    await work();
  } catch (error) {
    racer.result.failure = error.message;
    console.error(`  ${racer.result.name} failed: ${error.message}`);
    racer.side?.quit();
  }
}

/** What a promise gives; an error where it takes more than so many seconds. */
async function within(seconds, what, promise) {
  const stop = new AbortController();
  const expired = sleep(seconds * 1000, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`it took longer than ${seconds.toFixed(0)} s ${what}`);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    expired.catch(() => {}); // the rejection that stopping it is
    stop.abort();
  }
}

/** Memory of the GPU that all processes use together, in MiB; undefined on a CPU. */
function usedMemory(device) {
  const used = device === 'cpu' ? undefined : queryGpu('memory.used');
  return used === undefined ? undefined : Number.parseInt(used, 10);
}

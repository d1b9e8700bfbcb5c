import type { LinearConfig } from '../config/linearConfig.js';
import { writeFileAtomic } from '../disk/atomicFile.js';
import { linearCachedCsv } from '../formats/linearCsv.js';
import type { NativeEvaluator } from '../native/evaluator.js';
import type { StoppableWork } from '../native/stoppableWork.js';
import type { LinearProbe, LinearSweepEvent } from './linearEvents.js';

/**
 * Trains probes of several learning rates on features that are computed once (test view, BatchNorm
 * with the model's statistics), chooses one by the validation pictures and writes the table.
 */
export async function linearSweep(
  native: NativeEvaluator,
  config: LinearConfig,
  table: string,
  work: StoppableWork,
): Promise<LinearSweepEvent> {
  const begin = performance.now();
  const measured = await work.run(native, () => native.sweepLinear(config));
  const probes = measured as LinearProbe[]; // with `cached`, there are validation pictures
  await writeFileAtomic(table, linearCachedCsv(probes));
  const seconds = (performance.now() - begin) / 1000;
  return { type: 'sweep', probes, chosen: probes.reduce(better), seconds, table };
}

/** By top-1 on the validation pictures; where that is the same, by the loss there. */
function better(best: LinearProbe, other: LinearProbe): LinearProbe {
  const [a, b] = [best.validation, other.validation];
  if (b.top1 > a.top1 || Number.isNaN(a.top1)) return other;
  return b.top1 === a.top1 && b.loss < a.loss ? other : best;
}

// Follows a run's metrics and stops it when there is no use in going on: when kNN has not become better
// for three evaluations, when an hour is over, or on Ctrl-C.
//
//   node examples/metrics.mjs [configuration.json]
import { readFile } from 'node:fs/promises';
import { createTrainer } from 'moco-node';

const HOUR = 3_600_000;
const PATIENCE = 3;

const config = JSON.parse(await readFile(process.argv[2] ?? 'examples/shapes.json', 'utf8'));
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(HOUR)]);

const trainer = await createTrainer(config, { signal });
try {
  for await (const event of trainer.run({ signal })) {
    if (event.type === 'epoch') {
      const { epoch, loss, gradientNorm, picturesPerSecond } = event;
      console.log(JSON.stringify({ epoch, loss, gradientNorm, picturesPerSecond }));
    }
    if (event.type === 'evaluation') {
      const { epoch, top1, best } = event;
      console.log(JSON.stringify({ epoch, top1, best: best.top1 }));
      if (epoch - best.epoch >= PATIENCE) break; // ends the run, and writes a checkpoint
    }
  }
} catch (error) {
  if (error.code !== 'ERR_MOCO_ABORTED') throw error;
  console.log(error.message);
} finally {
  await trainer.dispose();
}

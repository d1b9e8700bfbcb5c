// A program that loads a CIFAR data set, as runs do: `node loadingProcess.js <data root> <variant>`.
// Each line that it prints is "waiting" or "downloading", and the last one tells what it loaded.

import { loadCifar } from '#moco/data/cifar.js';
import type { CifarVariant } from '#moco/data/cifarVariant.js';

const [dataRoot = '', json = ''] = process.argv.slice(2);
const variant = JSON.parse(json) as CifarVariant;

let last: string | undefined;
const { train, test, notices } = await loadCifar(
  variant,
  { dataset: variant.name, dataRoot, seed: 0 },
  {
    onDownload: ({ waitingFor }) => {
      const state = waitingFor === undefined ? 'downloading' : 'waiting';
      if (state !== last) console.log(state);
      last = state;
    },
  },
);
console.log(`${train.count} and ${test.count} pictures, ${notices.length} notices`);

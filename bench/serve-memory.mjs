#!/usr/bin/env node
// The memory of a service over many requests; it should be flat.
//
//   node bench/serve-memory.mjs --model-path M [--clients 32] [--requests 100000] [--form jpeg]
import { parseArgs } from 'node:util';
import { positiveInteger, runBench } from './harness.mjs';
import { startServed } from './served.mjs';

const PARTS = 20;

await runBench(async () => {
  const { values } = parseArgs({
    options: {
      'model-path': { type: 'string' },
      clients: { type: 'string', default: '32' },
      requests: { type: 'string', default: '100000' },
      form: { type: 'string', default: 'jpeg' },
    },
  });
  const clients = positiveInteger('clients', values.clients);
  const requests = positiveInteger('requests', values.requests);
  const served = await startServed({ modelPath: values['model-path'], clients });
  try {
    for (let part = 1; part <= PARTS; part++) {
      await served.ask(`${values.form} ${Math.ceil(requests / PARTS)}r`);
      const megabytes = ((await served.memory()) / 1e6).toFixed(1);
      console.log(`${Math.round((part * requests) / PARTS)} requests: ${megabytes} MB`);
    }
  } finally {
    await served.quit();
  }
});

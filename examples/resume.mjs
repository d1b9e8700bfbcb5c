// A run that may be ended at any time: started again, the program goes on where the run was. It stops
// after the current step on Ctrl-C and on SIGTERM, which containers and job queues send.
//
//   node examples/resume.mjs [configuration.json]
import { readFile } from 'node:fs/promises';
import { train } from 'moco-node';

const config = JSON.parse(await readFile(process.argv[2] ?? 'examples/shapes.json', 'utf8'));
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stopping.abort());

function onEvent(event) {
  if (event.type === 'start' && event.resumed) {
    const { epoch, step } = event.resumed;
    console.log(`going on in epoch ${epoch}, after step ${step}`);
  }
  if (event.type === 'step') console.log(`epoch ${event.epoch}, step ${event.step}: ${event.loss}`);
}

/** Goes on with this configuration's run, or starts it where there is none. */
async function goOnOrStart(options) {
  try {
    return await train(config, { ...options, resume: true });
  } catch (error) {
    if (error.code !== 'ERR_MOCO_CHECKPOINT') throw error;
    console.log(`starting, because ${error.message}`);
    return await train(config, options);
  }
}

try {
  const { files } = await goOnOrStart({ signal: stopping.signal, onEvent });
  console.log(`done: ${files.model}`);
} catch (error) {
  if (error.code !== 'ERR_MOCO_ABORTED') throw error;
  console.log(error.message); // and a checkpoint was written
}

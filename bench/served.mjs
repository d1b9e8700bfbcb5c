// A service in a process of its own, and its clients in another, for the measurements of `moco serve`.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BenchFailure, startWorker } from './harness.mjs';

const moco = fileURLToPath(new URL('../bin/moco.js', import.meta.url));

/**
 * Starts `moco serve` and clients of it.
 * @param modelPath what it serves
 * @param clients requests at a time
 * @param flags more flags of `moco serve`
 * @returns what the service says of itself, `ask` of the clients, `memory` in bytes, and `quit`
 */
export async function startServed({ modelPath, clients, flags = [] }) {
  const words = [moco, 'serve', '--model-path', modelPath, '--port', '0', '--json', ...flags];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { value, done } = await createInterface({ input: child.stdout })
    [Symbol.asyncIterator]()
    .next();
  if (done) throw new BenchFailure('the service ended, see above');
  const { url, encoder } = JSON.parse(value);
  const settings = { url, clients, side: encoder.side };
  const { ask, quit } = await startWorker(process.execPath, 'serve-client.mjs', settings);
  return {
    encoder,
    async ask(line) {
      const answer = await ask(line);
      if (answer.failure) throw new BenchFailure(answer.failure);
      return answer;
    },
    async memory() {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)[1]);
    },
    async quit() {
      quit();
      child.kill('SIGTERM');
    },
  };
}

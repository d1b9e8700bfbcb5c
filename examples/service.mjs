// A service that trains an encoder and tells how far it is, while its event loop stays free.
//
//   node examples/service.mjs [configuration.json]
//   curl http://localhost:8080/progress
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { MocoError, train } from 'moco-node';

const config = JSON.parse(await readFile(process.argv[2] ?? 'examples/shapes.json', 'utf8'));
let progress = { state: 'loading' };

const server = createServer(({ url }, response) => {
  const isKnown = url === '/progress';
  response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(isKnown ? progress : { error: `${url} is not there` }));
});
server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`listening on http://localhost:${server.address().port}/progress`);
});

function onEvent(event) {
  if (event.type === 'step') {
    const { epoch, epochs, step, stepsPerEpoch, loss, secondsLeft } = event;
    progress = { state: 'training', epoch, epochs, step, stepsPerEpoch, loss, secondsLeft };
  }
}

try {
  const { best, files } = await train(config, { onEvent });
  progress = { state: 'done', best, model: files.model };
} catch (error) {
  if (!(error instanceof MocoError)) throw error; // a defect
  const { code, message, hint } = error;
  progress = { state: 'failed', code, message, hint };
}
console.log(JSON.stringify(progress));

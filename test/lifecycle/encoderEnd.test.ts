import { join } from 'node:path';
import { before } from 'node:test';
import { endsInEveryWay, type Work } from '../support/programEnds.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

// A program that embeds pictures and searches for neighbours, several calls at a time, ends as it would
// without that, at any moment.

const folder = temporaryFolder();
let model: string;

const work: Work = {
  name: 'embedding and searching',
  code: () => `
    const { loadEncoder, NeighbourIndex } = await import('moco-node');
    const encoder = await loadEncoder(${JSON.stringify(model)}, { device: 'cpu', threads: 2 });
    const { side, dims } = encoder.description;
    const picture = { data: new Uint8Array(side * side * 3).fill(99), width: side, height: side, channels: 3 };
    const vectors = Float32Array.from({ length: 20_000 * dims.features }, Math.random);
    const index = await NeighbourIndex.build(vectors, { dims: dims.features });
    const embedding = async () => {
      for (;;) {
        const many = encoder.embed(Array(600).fill(picture), { output: 'projection' });
        const another = loadEncoder(${JSON.stringify(model)}); // is left to the collector
        await Promise.all([many, encoder.embed(picture).then(begun), another]);
      }
    };
    const searching = async () => {
      for (;;) await index.search(vectors.subarray(0, 3 * dims.features), { k: 10 });
    };
    await Promise.all([embedding(), embedding(), searching(), searching()]);
  `,
};

before(async () => {
  const { train } = await import('moco-node');
  const { files } = await train({ ...TINY_RUN, epochs: 1, out: join(folder, 'model') });
  model = files.model;
});

endsInEveryWay(work);

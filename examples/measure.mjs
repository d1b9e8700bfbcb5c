// What a trained model is worth: nearest neighbours, then a linear classifier on its features.
//
//   node examples/measure.mjs results/128_1024_0.1_0.99_50_64_8_model.pth
import { inspectFile, knn, linear } from 'moco-node';

const [modelPath] = process.argv.slice(2);
if (modelPath === undefined) {
  console.error('usage: node examples/measure.mjs MODEL');
  process.exit(2);
}

// A model that moco trained says on what. Of another, give dataset, arch and stem yourself.
const { architecture, config: trained } = await inspectFile(modelPath);
if (trained === undefined) throw new Error(`${modelPath} does not say what it was trained on`);
const { dataset, dataRoot, trainLimit, testLimit, seed, k } = trained;
const { arch, stem } = architecture;
const model = { modelPath, arch, stem, dataset, dataRoot, trainLimit, testLimit, seed };
const percent = (share) => `${share.toFixed(2)} %`;

const { results, perClass } = await knn({ ...model, k });
for (const { temperature, top1, top5 } of results) {
  console.log(`kNN, temperature ${temperature}: ${percent(top1)}, top-5 ${percent(top5)}`);
}
const [hardest] = perClass.filter(({ pictures }) => pictures > 0).sort((a, b) => a.top1 - b.top1);
console.log(`the hardest class is ${hardest.class}: ${percent(hardest.top1)}`);

// `cached` is quick. Without it, this is the reference's protocol, which takes much longer.
const { chosen } = await linear({ ...model, cached: true, out: 'results' });
console.log(`linear, learning rate ${chosen.learningRate}: ${percent(chosen.test.top1)}`);

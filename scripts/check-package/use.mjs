import { must } from './run.mjs';

const PICTURES = ['--dataset', 'shapes', '--train-limit', '64', '--test-limit', '32', '--k', '8'];
const RUN = [...PICTURES, '--arch', 'resnet18', '--m', '64', '--batch-size', '32', '--epochs', '1'];

/** Where moco is set up, `setup` has nothing to do or to tell. */
const USE = `
const events = [];
const { changed } = await setup({ onEvent: (event) => events.push(event) });
if (changed || events.length > 0) throw new Error('set up again: ' + JSON.stringify(events));
const [trainLimit, testLimit] = [64, 32];
const config = { dataset: 'shapes', arch: 'resnet18', k: 8, trainLimit, testLimit };
const { top1 } = await knn({ ...config, modelPath: process.argv[2] });
if (!(top1 >= 0)) throw new Error('kNN: ' + top1);
`;

const PROGRAMS = {
  'use.mjs': `import { knn, setup } from 'moco-node';\n${USE}`,
  'use.cjs': `const { knn, setup } = require('moco-node');\n(async () => {${USE}})();\n`,
};

/** The shortest of training runs, in a folder of its own. */
export function train(project, out, args = [], options = {}) {
  return project.moco(['train', ...RUN, '--out', out, ...args], options);
}

/** Trains, goes on with the run, measures its model, and uses the package from programs. */
export function useAll(project, out, options) {
  const { files } = done(project.json(['train', ...RUN, '--out', out], options));
  const goOn = ['train', '--resume', files.directory, '--epochs', '2'];
  const events = project.json(goOn, options);
  must(events[0].resumed, `${files.directory} was not gone on with`);
  const { model } = done(events).files;
  const measure = ['knn', ...PICTURES, '--arch', 'resnet18', '--model-path', model];
  const { top1, top5 } = project.json(measure, options).at(-1);
  must(top1 >= 0 && top1 <= top5 && top5 <= 100, `kNN: ${top1} %, ${top5} %`);
  for (const [name, text] of Object.entries(PROGRAMS)) {
    project.write(name, text);
    project.run('node', [name, model], options);
  }
}

function done(events) {
  const last = events.at(-1);
  must(last?.type === 'done', `the last event of a run is ${JSON.stringify(last)}`);
  return last;
}

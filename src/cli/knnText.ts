import type { KnnResult, KnnStartEvent } from '../index.js';
import { evaluatorLines } from './headerText.js';
import { percent } from './quantities.js';
import { tableLines } from './table.js';

/** Whose results can be compared with those at a certain temperature. */
const CONVENTIONS: ReadonlyMap<number, string> = new Map([
  [0.5, "the reference's: the temperature that it trains with"],
  [0.1, "official MoCo's on CIFAR-10, and most papers'"],
]);

/** Up to how many classes each has a line of its own. */
const MOST_CLASSES = 256;

/** What is measured, and how. */
export function knnHeader({ config, description }: KnnStartEvent): string[] {
  return [
    ...evaluatorLines(description),
    `kNN     each test picture gets the class that its ${config.k} nearest training pictures vote for`,
  ];
}

/** The accuracy at each temperature, and for each class at the first one. */
export function knnReport({ temperature, perClass, results }: KnnResult): string[] {
  const accuracies = results.map((result) => [
    String(result.temperature),
    percent(result.top1),
    percent(result.top5),
  ]);
  const classes = perClass.map(({ class: name, pictures, top1 }) => [
    name,
    String(pictures),
    top1 === undefined ? '–' : percent(top1),
  ]);
  const [head, ...rows] = tableLines([['temperature', 'top-1', 'top-5'], ...accuracies]);
  return [
    '',
    head as string,
    ...rows.map((row, index) => {
      const convention = CONVENTIONS.get(results[index]?.temperature as number);
      return convention === undefined ? row : `${row}   ${convention}`;
    }),
    '',
    ...(classes.length > MOST_CLASSES
      ? [`how each of the ${classes.length} classes did, --json tells`]
      : tableLines([[`class (temperature ${temperature})`, 'pictures', 'top-1'], ...classes])),
  ];
}

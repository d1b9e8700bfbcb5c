import { type Command, Option } from 'commander';
import {
  checkPictures,
  inspectPictures,
  type PackPicturesOptions,
  type PictureRules,
  packPictures,
} from '../index.js';
import { AlreadyReported } from './alreadyReported.js';
import { checkLines, packedLines, picturesLines } from './dataText.js';
import { interruptible } from './interruption.js';
import { PackBar } from './packBar.js';

const HELP = `
A packed file is one that train, knn and linear take as --data; they make one by themselves
of a folder. Formats: JPEG, PNG, WebP, TIFF, AVIF, GIF (first frame or page).`;

interface Json {
  readonly json?: true;
}

interface PackFlags extends PictureRules, Json {
  readonly out: string;
  readonly strict?: boolean;
}

export function configureData(command: Command): void {
  command.addHelpText('after', HELP);
  const pack = command
    .command('pack <folders...>')
    .description(
      'make one packed file of folders of pictures, unless it holds them as they are now',
    )
    .requiredOption('--out <file>', 'the packed file; its name ends in .moco')
    .option('--strict', 'refuse where files cannot be read, in place of leaving them out');
  withRules(pack).action(runPack);
  const info = command
    .command('info <paths...>')
    .description('tell what is in a packed file, or in folders, as they would be packed');
  withRules(info).action(runInfo);
  command
    .command('check <file>')
    .description('compare a packed file with all its checksums')
    .option('--json', 'print one JSON object, all else on standard error')
    .addHelpText('after', '\nExit code: 0 where all are right, else 1.')
    .action(runCheck);
}

/** The options that say how folders are packed. */
function withRules(command: Command): Command {
  return command
    .option('--labels <text>', 'none, folders, or a CSV or JSON-lines file', 'none')
    .addOption(
      new Option('--split <text>', 'where the test pictures are from')
        .choices(['auto', 'folders', 'fraction'])
        .default('auto'),
    )
    .option('--test-fraction <x>', 'share of the test pictures, chosen by their content', Number)
    .option('--split-seed <n>', 'another seed chooses other test pictures', Number)
    .option('--image-size <n>', 'side of the views that they are for', Number)
    .option('--stored-size <n>', 'side of the stored pictures; by default with margin', Number)
    .option('--json', 'print one JSON object, all else on standard error');
}

async function runPack(folders: string[], { json, out, ...flags }: PackFlags): Promise<void> {
  await interruptible(async (signal) => {
    const options: PackPicturesOptions = { ...flags, signal };
    const summary = await withBar('packing', (onProgress) =>
      packPictures(folders, out, { ...options, onProgress }),
    );
    print(summary, json, packedLines);
  });
}

async function runInfo(paths: string[], { json, ...rules }: PictureRules & Json): Promise<void> {
  await interruptible(async (signal) => {
    const summary = await withBar('reading', (onProgress) =>
      inspectPictures(paths, { ...rules, signal, onProgress }),
    );
    print(summary, json, picturesLines);
  });
}

async function runCheck(path: string, { json }: Json): Promise<void> {
  await interruptible(async (signal) => {
    const found = await withBar('checking', (onProgress) =>
      checkPictures(path, { signal, onProgress }),
    );
    print(found, json, checkLines);
    if (!found.intact) throw new AlreadyReported();
  });
}

async function withBar<Result>(
  verb: string,
  work: (onProgress: PackBar['show']) => Promise<Result>,
): Promise<Result> {
  using bar = new PackBar(verb);
  return await work((progress) => bar.show(progress));
}

function print<Result>(
  result: Result,
  json: true | undefined,
  lines: (result: Result) => string[],
): void {
  for (const line of json ? [JSON.stringify(result)] : lines(result)) console.log(line);
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbedConfigInput, embedCommand } from '#moco/config/embedConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import type { EmbedResult } from '#moco/embed/embedEvents.js';
import { embedInto } from '#moco/embed/embedInto.js';
import type { EncoderDescription } from '#moco/embed/encoder.js';
import { findPictures } from '#moco/embed/findPictures.js';
import { OutputFiles } from '#moco/embed/outputFiles.js';
import type { PicturesProgress } from '#moco/pictures/reports.js';
import { ColourDouble, encoderOn } from './encoderDouble.js';

/** How a run on a double goes. */
export interface DoubleRun {
  readonly config: EmbedConfigInput;
  readonly native?: ColourDouble;
  /** What the double says of itself. */
  readonly description?: Partial<EncoderDescription>;
  readonly tell?: (progress: PicturesProgress) => void;
  readonly signal?: AbortSignal;
}

/** Events of a run, and what it gave. */
export interface DoubleRunEnd {
  readonly result: EmbedResult;
  readonly warnings: readonly string[];
  /** How many pictures an earlier run had embedded. */
  readonly done: number | undefined;
}

/** Writes the features that a double gives, as `embedPictures` does with an encoder. */
export async function runOnDouble({
  config,
  native = new ColourDouble(),
  description = {},
  tell = () => {},
  signal = new AbortController().signal,
}: DoubleRun): Promise<DoubleRunEnd> {
  const settings = parseConfig(embedCommand, config);
  const warnings: string[] = [];
  let done: number | undefined;
  const onEvent: Parameters<typeof OutputFiles.claim>[1] = (event) => {
    if (event.type === 'warning') warnings.push(event.message);
    else done = event.done;
  };
  const output = await OutputFiles.claim(settings, onEvent, signal);
  try {
    const found = await findPictures(settings, {});
    await using encoder = encoderOn(native, description);
    const source = await found.open(encoder.description.side);
    const request = { config: settings, settings, encoder, source, output, onEvent };
    const result = await embedInto(request, { tell, signal });
    return { result, warnings, done };
  } finally {
    output.release();
  }
}

/** Writes what stands for a model's file, and says that a double is of it. */
export async function modelIn(
  folder: string,
  content = 'a model',
): Promise<EncoderDescription['model']> {
  const path = join(folder, 'model.pth');
  await writeFile(path, content);
  const [mean, std] = [
    [0.5, 0.5, 0.5],
    [0.25, 0.25, 0.25],
  ] as const;
  return {
    ...{ path, arch: 'resnet18', width: 1, stem: 'cifar' },
    input: { imageSize: 8, cropShare: 1, mean, std },
  };
}

import { createHash } from 'node:crypto';
import type { EmbedConfig } from '../config/embedConfig.js';
import type { Dataset, Pictures } from '../data/dataset.js';
import { MocoError } from '../error.js';
import type { PackedPictures } from '../pictures/openPacked.js';
import { readPixels } from '../pictures/readPixels.js';
import { NO_LABEL, SPLITS } from '../pictures/source.js';
import type { EmbedSource } from './embedSource.js';
import type { RawPicture } from './encoder.js';

type Subset = EmbedConfig['subset'];

/** Pictures that are read at a time. */
const AT_A_TIME = 64;

/** Pictures, and what each is called. */
interface Part {
  readonly pictures: Pictures;
  readonly id: (number: number) => string;
}

/** Pictures of a packed file, in its order. @throws MocoError `ERR_MOCO_DATA` where there are none */
export async function packedPictures(packed: PackedPictures, subset: Subset): Promise<EmbedSource> {
  const { path, pixels, classes, broken, meta, fingerprint } = packed;
  const { side, offset, count } = pixels;
  const isOf = (row: number) => subset === 'all' || SPLITS[packed.splits[row] as number] === subset;
  const rows = Uint32Array.from({ length: count }, (_, row) => row).filter(isOf);
  const labels = Int32Array.from(rows, (row) => packed.labels[row] as number);
  const names = await packed.names();
  const inFile = { path, offset, pictures: count, rows };
  const pictures = { pixels: inFile, labels, count: rows.length, height: side, width: side };
  return storedPictures([{ pictures, id: (number) => names[rows[number] as number] as string }], {
    ...{ places: [path], classes, broken, notices: meta.notices },
    fingerprint: `${fingerprint} ${subset}`,
  });
}

/** Pictures of a data set in memory: the training pictures first, then the others. */
export function datasetPictures(dataset: Dataset, subset: Subset): EmbedSource {
  const parts = (['train', 'validation', 'test'] as const).flatMap((name) => {
    const pictures = dataset[name];
    if (pictures === undefined || (subset !== 'all' && subset !== name)) return [];
    return [{ pictures, id: (number: number) => `${name} ${number}` }];
  });
  const { name, classes, notices } = dataset;
  const fingerprint = `${name} ${subset} ${contentHash(parts)}`;
  return storedPictures(parts, { places: [name], classes, broken: [], notices, fingerprint });
}

function storedPictures(
  parts: readonly Part[],
  about: Pick<EmbedSource, 'places' | 'fingerprint' | 'classes' | 'broken' | 'notices'>,
): EmbedSource {
  const count = parts.reduce((sum, { pictures }) => sum + pictures.count, 0);
  if (count === 0) {
    throw new MocoError('ERR_MOCO_DATA', `${about.places.join(', ')}: no pictures of this subset`, {
      hint: '--subset all takes all pictures.',
    });
  }
  const at = (candidate: number) => placeOf(parts, candidate);
  return {
    ...about,
    count,
    id: (candidate) => at(candidate).part.id(at(candidate).number),
    label: (candidate) => at(candidate).part.pictures.labels[at(candidate).number] ?? NO_LABEL,
    async *read(first) {
      for (let candidate = first; candidate < count; ) {
        const { part, number } = at(candidate);
        const pictures = await readSome(part.pictures, number);
        yield* pictures;
        candidate += pictures.length;
      }
    },
  };
}

/** Which of the parts has a candidate, and as which number. */
function placeOf(parts: readonly Part[], candidate: number): { part: Part; number: number } {
  let number = candidate;
  for (const part of parts) {
    if (number < part.pictures.count) return { part, number };
    number -= part.pictures.count;
  }
  throw new RangeError(`there is no picture ${candidate}`);
}

async function readSome(pictures: Pictures, first: number): Promise<RawPicture[]> {
  const { count, width, height } = pictures;
  const numbers = { length: Math.min(AT_A_TIME, count - first) };
  const pixels = await readPixels(
    pictures,
    Array.from(numbers, (_, at) => first + at),
  );
  return pixels.map((data) => ({ data, width, height, channels: 3 }));
}

/** SHA-256 of all pixels and labels in memory. */
function contentHash(parts: readonly Part[]): string {
  const hash = createHash('sha256');
  for (const { pictures } of parts) {
    hash.update(pictures.labels);
    if (pictures.pixels instanceof Uint8Array) hash.update(pictures.pixels);
  }
  return hash.digest('hex');
}

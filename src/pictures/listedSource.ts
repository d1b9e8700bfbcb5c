import { createHash } from 'node:crypto';
import type { ClassLabels } from './classLabels.js';
import { decodePicture } from './decode.js';
import { readListed } from './readFile.js';
import type { ListedFile, Listing } from './scan.js';
import {
  HASH_BYTES,
  NO_LABEL,
  type PictureSource,
  type StoredPicture,
  type Unreadable,
} from './source.js';

/** What is known of the pictures in a listing beside their files. */
interface About
  extends Pick<
    PictureSource,
    'places' | 'fingerprint' | 'side' | 'imageSize' | 'rules' | 'notices' | 'split'
  > {
  readonly labels: ClassLabels;
}

/** The files of a listing as a source of pictures. */
export function listedSource({ files, broken }: Listing, about: About): PictureSource {
  const { labels, side, ...rest } = about;
  const fileOf = (candidate: number) => files[candidate] as ListedFile;
  return {
    ...rest,
    side,
    count: files.length,
    classes: labels.classes,
    broken,
    name: (candidate) => fileOf(candidate).name,
    weight: (candidate) => fileOf(candidate).size,
    read: async (candidate) => await readPicture(fileOf(candidate), side),
    label: (candidate) => labels.of[candidate] ?? NO_LABEL,
  };
}

async function readPicture(file: ListedFile, side: number): Promise<StoredPicture | Unreadable> {
  const bytes = await readListed(file);
  if ('reason' in bytes) return bytes;
  const decoded = await decodePicture(bytes, side);
  return 'reason' in decoded ? decoded : { ...decoded, hash: contentHash(bytes) };
}

/** By which equal files are known: the first `HASH_BYTES` of their SHA-256. */
export function contentHash(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest().subarray(0, HASH_BYTES);
}

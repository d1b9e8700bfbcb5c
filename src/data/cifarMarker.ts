import { join } from 'node:path';
import { z } from 'zod';
import { readShortText } from './cifarFolder.js';
import type { CifarVariant } from './cifarVariant.js';
import type { CifarCopy } from './findCifar.js';

/** The file that lies beside data files which were unpacked from the official archive. */
export const MARKER_FILE = '.moco-verified.json';

const markerSchema = z.object({
  archive: z.string(),
  /** Checksum of the archive that the files came from. */
  md5: z.string(),
  /** By file name, in lower-case hexadecimal digits. */
  sha256: z.record(z.string(), z.string()),
});

/**
 * The checksums of the official files. Nobody publishes those of the unpacked files, so they are
 * noted when the archive, whose checksum is published, is unpacked.
 */
export type CifarMarker = z.infer<typeof markerSchema>;

/** The marker in a folder; undefined where there is none of the variant's official archive. */
export async function readMarker(
  variant: CifarVariant,
  folder: string,
): Promise<CifarMarker | undefined> {
  const marker = markerSchema.safeParse(await readJson(join(folder, MARKER_FILE)));
  return marker.success && marker.data.md5 === variant.archive.md5 ? marker.data : undefined;
}

/** Undefined for a file that is absent, unreadable or no JSON: none of these vouches for anything. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readShortText(path));
  } catch {
    return undefined;
  }
}

/**
 * The checksums of the official files of a copy, by file name: SHA-256 of the binary ones, as noted
 * when they were unpacked, and undefined where they were not; MD5 of those for Python, as published.
 */
export async function officialChecksums(
  variant: CifarVariant,
  { folder, layout }: CifarCopy,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (layout === 'python') return variant.python.md5;
  return (await readMarker(variant, folder))?.sha256;
}

/**
 * One line for the user where the files that were read are not known to be the official ones.
 * @param official as `officialChecksums`
 * @param found the checksums of what was read
 */
export function verificationNotice(
  variant: CifarVariant,
  folder: string,
  official: Readonly<Record<string, string>> | undefined,
  found: ReadonlyMap<string, string>,
): string[] {
  const { title, archive } = variant;
  if (!official) {
    return [
      `${folder}: used as it is; not verified as the official ${title}, since it was not unpacked ` +
        `from ${archive.file} by moco`,
    ];
  }
  const changed = [...found].filter(([file, sum]) => official[file] !== sum);
  if (changed.length === 0) return [];
  const names = changed.map(([file]) => file).join(', ');
  return [`${folder}: used as it is; its bytes are not those of the official ${title} (${names})`];
}

import { join } from 'node:path';
import { exists, readShortText, unreadable } from './cifarFolder.js';
import { type CifarVariant, classFileIn } from './cifarVariant.js';
import type { CifarCopy } from './findCifar.js';
import { readPythonClasses } from './pythonBatch.js';

/** The class names in the folder's own list, where it has a complete one, else the usual ones. */
export async function readClasses(
  variant: CifarVariant,
  { folder, layout }: CifarCopy,
): Promise<{ classes: readonly string[]; notices: string[] }> {
  const isBinary = layout === 'binary';
  const path = join(folder, classFileIn(variant, layout));
  const usual = variant.classes;
  if (!(await exists(path))) return { classes: usual, notices: [] };
  const named = isBinary ? await readLines(path) : await readPythonClasses(variant, path);
  if (named.length === usual.length) return { classes: named, notices: [] };
  const notice = `${path} names ${named.length} classes, not ${usual.length}: the usual names are used`;
  return { classes: usual, notices: [notice] };
}

/** The lines that are not empty. */
async function readLines(path: string): Promise<string[]> {
  const text = await readShortText(path).catch((cause: unknown) =>
    Promise.reject(unreadable(path, cause)),
  );
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '');
}

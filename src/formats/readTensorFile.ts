import { FormatError } from './formatError.js';
import { type InputFile, withInputFile } from './inputFile.js';
import { readLegacyPth } from './legacyPth.js';
import { notAModel } from './otherFormats.js';
import { readPth } from './pth.js';
import { readSafetensors } from './safetensors.js';
import { requireReadable } from './storedTensors.js';
import type { TensorFile, TensorFileContent } from './tensorFile.js';

/** Bytes from the start of a file that are enough to tell the formats apart. */
const SIGNATURE_BYTES = 512;

/** How zip archives begin: with a record, or with their end where there is none. */
const ZIP = ['PK\x03\x04', 'PK\x05\x06'];

/**
 * Reads the index of a file of tensors: PyTorch's `.pth`, of today and from before 1.6, and
 * safetensors, told apart by their first bytes. The tensors stay unread. Whatever the file holds,
 * none of it is run, and reading it takes time and memory in proportion to its size.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a file that is none of these, or wrong in any part
 */
export function readTensorFile(path: string): Promise<TensorFile> {
  return withInputFile(path, async (file) => {
    const format = await formatOf(file);
    const content = await READERS[format](file);
    requireReadable(content.tensors, file.size);
    return { path, format, size: file.size, ...content };
  });
}

const READERS: Readonly<
  Record<TensorFile['format'], (file: InputFile) => Promise<TensorFileContent>>
> = {
  pth: readPth,
  'legacy pth': readLegacyPth,
  safetensors: readSafetensors,
};

async function formatOf(file: InputFile): Promise<TensorFile['format']> {
  if (file.size === 0) throw new FormatError('it is empty', 'Get it again, or take another copy.');
  const bytes = await file.read(0, Math.min(SIGNATURE_BYTES, file.size));
  const start = bytes.toString('latin1');
  if (ZIP.some((signature) => start.startsWith(signature))) return 'pth';
  if (isSafetensors(start)) return 'safetensors'; // early, as it may begin with nearly any byte
  if (start.startsWith('\x80')) return 'legacy pth';
  throw notAModel(start);
}

/** Begins with the length of a header, eight bytes that are never a text, and the header's brace. */
function isSafetensors(start: string): boolean {
  return !/^[\s -~]{8}/.test(start) && start.slice(8).trimStart().startsWith('{');
}

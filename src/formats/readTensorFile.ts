import { FormatError } from './formatError.js';
import { type InputFile, withInputFile } from './inputFile.js';
import { readLegacyPth } from './legacyPth.js';
import { readPth } from './pth.js';
import { readSafetensors } from './safetensors.js';
import { requireReadable } from './storedTensors.js';
import type { TensorFile, TensorFileContent } from './tensorFile.js';

/** Bytes from the start of a file that are enough to tell the formats apart. */
const SIGNATURE_BYTES = 512;

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
  if (file.size === 0) throw new FormatError('it is empty');
  const start = await file.read(0, Math.min(SIGNATURE_BYTES, file.size));
  const text = start.toString('latin1');
  if (text.startsWith('PK\x03\x04')) return 'pth';
  if (text[8] === '{') return 'safetensors'; // first, as it may begin with any byte
  if (text.startsWith('\x80')) return 'legacy pth';
  if (text.startsWith('ustar', 257)) {
    const hint =
      'Load it in Python and save it again: torch.save(model.state_dict(), "model.pth").';
    throw new FormatError('it is a tar archive, as PyTorch wrote until 2017', hint);
  }
  const hint = "Expected PyTorch's .pth (of torch.save) or safetensors.";
  throw new FormatError('it is not a file of tensors, going by its first bytes', hint);
}

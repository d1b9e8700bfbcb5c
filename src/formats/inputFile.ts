import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { MocoError } from '../error.js';
import { FormatError, shortened } from './formatError.js';

/** Bytes that a checksum takes in at a time. */
const CHUNK = 1 << 20;

/** Names that models have. */
const MODEL_ENDING = /\.(?:pth|pt|ckpt|bin|safetensors|tar)$/;

/** How many files of a folder an error names. */
const LISTED = 3;

/** Why a file cannot be read, by the system's error code. */
const UNREADABLE: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EACCES: 'permission denied',
  ERR_ACCESS_DENIED: "Node's permission model does not allow it (--allow-fs-read)",
  EIO: 'the disk reports an error',
};

/**
 * Opens a file for as long as `read` takes.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where there is no file that can be read, and for what
 * `read` throws as a `FormatError`
 */
export async function withInputFile<T>(
  path: string,
  read: (file: InputFile) => Promise<T>,
): Promise<T> {
  await using file = await InputFile.open(path);
  try {
    return await read(file);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { message, hint } = error;
    throw new MocoError('ERR_MOCO_CHECKPOINT', `${path}: ${message}`, { hint, cause: error });
  }
}

/** A file of tensors, open for reading at any place. */
export class InputFile implements AsyncDisposable {
  readonly path: string;
  /** Of the whole file, in bytes. */
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.size = size;
    this.#handle = handle;
  }

  static async open(path: string): Promise<InputFile> {
    try {
      const found = await stat(path); // first, because opening a pipe waits for its writer
      if (!found.isFile()) throw await notAFile(path, found.isDirectory());
      return new InputFile(path, found.size, await open(path));
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }

  /** `length` bytes from `offset` on. @throws FormatError where the file has fewer */
  async read(offset: number, length: number): Promise<Buffer> {
    this.#requireInside(offset, length);
    const buffer = Buffer.allocUnsafe(length);
    await this.readInto(buffer, offset);
    return buffer;
  }

  /** Fills `target` with what lies from `offset` on. @throws FormatError as `read` */
  async readInto(target: Uint8Array, offset: number): Promise<void> {
    this.#requireInside(offset, target.length);
    for (let filled = 0; filled < target.length; ) {
      const { bytesRead } = await this.#handle
        .read(target, filled, target.length - filled, offset + filled)
        .catch((cause: unknown) => Promise.reject(unreadable(this.path, cause)));
      // The size was right a moment ago, so somebody is changing the file.
      if (bytesRead === 0) throw new FormatError(`it ended early, at byte ${offset + filled}`);
      filled += bytesRead;
    }
  }

  /** CRC-32 (zlib's) of a part of the file. @throws FormatError as `read` */
  async crc32(offset: number, length: number): Promise<number> {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, length));
    let checksum = 0;
    for (let done = 0; done < length; done += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, length - done));
      await this.readInto(part, offset + done);
      checksum = crc32(part, checksum);
    }
    return checksum;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  #requireInside(offset: number, length: number): void {
    if (Number.isSafeInteger(offset) && offset >= 0 && length <= this.size - offset) return;
    const message = `it refers to ${length} bytes at byte ${offset}, and has only ${this.size} bytes`;
    throw new FormatError(message);
  }
}

async function notAFile(path: string, isFolder: boolean): Promise<MocoError> {
  const what = isFolder ? 'is a folder' : 'is not a file';
  const hint = isFolder ? fileToName(await readdir(path)) : undefined;
  return new MocoError('ERR_MOCO_CHECKPOINT', `${path} ${what}`, { hint });
}

/** What to do about a folder with these files. */
function fileToName(names: readonly string[]): string {
  if (names.some((name) => name.endsWith('.distcp'))) {
    return 'It is a checkpoint of torch.distributed; make one file of it in Python: torch.distributed.checkpoint.format_utils.dcp_to_torch_save(folder, "model.pth").';
  }
  const models = names.filter((name) => MODEL_ENDING.test(name)).sort();
  if (models.length === 0) return 'Name a file.';
  const more = models.length > LISTED ? ' …' : '';
  return `Name a file in it: ${models.slice(0, LISTED).map(shortened).join(', ')}${more}`;
}

function unreadable(path: string, cause: unknown): MocoError {
  if (cause instanceof MocoError) return cause;
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const reason = UNREADABLE[code] ?? message;
  return new MocoError('ERR_MOCO_CHECKPOINT', `cannot read ${path}: ${reason}`, {
    hint: code === 'ENOENT' ? 'Check the path.' : 'Check its permissions and the disk.',
    cause,
  });
}

import { crc32 } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { MocoError } from '../error.js';
import { FormatError, quoted } from './formatError.js';
import type { InputFile } from './inputFile.js';

/** The most records that are read; PyTorch writes one for every storage. */
const MAX_RECORDS = 100_000;

/** How an archive's last record begins, and its bytes without the comment at its end. */
const [END_SIGNATURE, END_BYTES] = ['PK\x05\x06', 22];

/** From so many bytes before the end of a file on, the last record is looked for. */
const MAX_TAIL = 1 << 17;

/** One file in a zip archive. */
export interface ZipRecord {
  readonly name: string;
  /** Of the content's first byte, from the start of the archive. */
  readonly offset: number;
  readonly bytes: number;
  readonly crc32: number;
  /** What was done to the content, so that its bytes are not what is in the archive. */
  readonly changed: 'compressed' | 'encrypted' | undefined;
}

/**
 * The records of a zip archive by name.
 * @throws FormatError for a damaged archive, and for records that share bytes
 */
export async function readZipRecords(file: InputFile): Promise<Map<string, ZipRecord>> {
  const records = new Map<string, ZipRecord>();
  try {
    const size = await archiveSize(file);
    const zip = await fromRandomAccessReaderPromise(new FileReader(file), size, {
      autoClose: false,
    });
    if (zip.entryCount > MAX_RECORDS) throw new FormatError(`it has ${zip.entryCount} records`);
    for await (const entry of zip.eachEntry()) {
      const record = await locate(zip, entry);
      if (records.has(record.name)) throw twice(record.name);
      records.set(record.name, record);
    }
  } catch (error) {
    if (error instanceof FormatError || error instanceof MocoError) throw error;
    throw new FormatError(`its zip archive is damaged: ${(error as Error).message}`);
  }
  requireDisjoint([...records.values()]);
  return records;
}

/**
 * The content of a record, its checksum checked.
 * @throws FormatError for one that is compressed, encrypted, damaged or too large
 */
export async function readZipRecord(
  file: InputFile,
  record: ZipRecord,
  maxBytes: number,
): Promise<Buffer> {
  requirePlain(record);
  const { name, offset, bytes, crc32: expected } = record;
  if (bytes > maxBytes) {
    throw new FormatError(
      `its record ${quoted(name)} has ${bytes} bytes, expected at most ${maxBytes}`,
      'Save the tensors alone: torch.save(model.state_dict(), "model.pth").',
    );
  }
  const content = await file.read(offset, bytes);
  if (crc32(content) === expected) return content;
  throw new FormatError(`its record ${quoted(name)} is damaged: the checksum is wrong`);
}

/** Makes sure that a record's content stands in the archive as it is. */
export function requirePlain({ name, changed }: ZipRecord): void {
  if (changed === undefined) return;
  const hint = 'Unpack it and pack it again without compression (zip -0), or save it again.';
  throw new FormatError(`its record ${quoted(name)} is ${changed}`, hint);
}

/** Finds where a record's bytes lie: behind its own header, whose length varies. */
async function locate(zip: ZipFile, entry: Entry): Promise<ZipRecord> {
  const { fileName: name, compressedSize: bytes, crc32, compressionMethod } = entry;
  const isCompressed = compressionMethod !== 0;
  const changed = entry.isEncrypted() ? 'encrypted' : isCompressed ? 'compressed' : undefined;
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  return { name, offset: fileDataStart, bytes, crc32, changed };
}

function requireDisjoint(records: ZipRecord[]): void {
  let end = 0;
  for (const { name, offset, bytes } of records.sort((a, b) => a.offset - b.offset)) {
    if (offset < end) throw new FormatError(`its record ${quoted(name)} overlaps another one`);
    end = offset + bytes;
  }
}

/** Bytes up to the end of the archive, which other bytes may follow. */
async function archiveSize(file: InputFile): Promise<number> {
  const length = Math.min(file.size, MAX_TAIL);
  const tail = await file.read(file.size - length, length);
  const at = tail.lastIndexOf(END_SIGNATURE, undefined, 'latin1');
  const end = at + END_BYTES;
  if (at < 0 || end > length) {
    const hint = 'Get it again: a download or a copy ended too early.';
    throw new FormatError('its zip archive has no end: the file is cut off', hint);
  }
  const comment = tail.readUInt16LE(end - 2);
  return Math.min(file.size, file.size - length + end + comment);
}

function twice(name: string): FormatError {
  return new FormatError(`it has two records ${quoted(name)}`);
}

/**
 * Hands yauzl the bytes it asks for. Its own reader throws outside of every promise where an
 * archive names a place beyond JavaScript's safe integers.
 */
class FileReader extends RandomAccessReader {
  readonly #file: InputFile;

  constructor(file: InputFile) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    const target = buffer.subarray(offset, offset + length);
    this.#file.readInto(target, position).then(() => callback(null), callback);
  }
}

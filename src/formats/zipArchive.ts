import { crc32 } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { MocoError } from '../error.js';
import { FormatError, quoted } from './formatError.js';
import type { InputFile } from './inputFile.js';

/** The most records that are read; PyTorch writes one for every storage. */
const MAX_RECORDS = 100_000;

/** One file in a zip archive, stored as it is. */
export interface ZipRecord {
  readonly name: string;
  /** Of the content's first byte, from the start of the archive. */
  readonly offset: number;
  readonly bytes: number;
  readonly crc32: number;
}

/**
 * The records of a zip archive by name.
 * @throws FormatError for a damaged archive, compressed or encrypted records, and records that
 * share bytes
 */
export async function readZipRecords(file: InputFile): Promise<Map<string, ZipRecord>> {
  const records = new Map<string, ZipRecord>();
  try {
    const zip = await fromRandomAccessReaderPromise(new FileReader(file), file.size, {
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

/** The content of a record, its checksum checked. */
export async function readZipRecord(
  file: InputFile,
  { name, offset, bytes, crc32: expected }: ZipRecord,
  maxBytes: number,
): Promise<Buffer> {
  if (bytes > maxBytes) {
    throw new FormatError(
      `its record ${quoted(name)} has ${bytes} bytes, expected at most ${maxBytes}`,
    );
  }
  const content = await file.read(offset, bytes);
  if (crc32(content) === expected) return content;
  throw new FormatError(`its record ${quoted(name)} is damaged: the checksum is wrong`);
}

/** Finds where a record's bytes lie: behind its own header, whose length varies. */
async function locate(zip: ZipFile, entry: Entry): Promise<ZipRecord> {
  const { fileName: name, compressedSize: bytes, crc32, compressionMethod } = entry;
  if (compressionMethod !== 0 || entry.isEncrypted()) {
    const how = compressionMethod === 0 ? 'encrypted' : 'compressed';
    const hint = 'Save it again with torch.save, which compresses nothing.';
    throw new FormatError(`its record ${quoted(name)} is ${how}`, hint);
  }
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  return { name, offset: fileDataStart, bytes, crc32 };
}

function requireDisjoint(records: ZipRecord[]): void {
  let end = 0;
  for (const { name, offset, bytes } of records.sort((a, b) => a.offset - b.offset)) {
    if (offset < end) throw new FormatError(`its record ${quoted(name)} overlaps another one`);
    end = offset + bytes;
  }
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

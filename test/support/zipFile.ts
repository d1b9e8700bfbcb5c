import { crc32 } from 'node:zlib';

/** One record of a zip archive, which may also claim something wrong of itself. */
export interface ZipContent {
  readonly name: string;
  readonly data: Buffer;
  /** Size that the directory claims. */
  readonly size?: number;
  /** The compression that the archive claims: 0 for none, 8 for deflate. */
  readonly method?: number;
  /** Where the directory says that the record is; without this, where it really is. */
  readonly offset?: number;
}

/** A zip archive. */
export function zip(records: readonly ZipContent[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let end = 0;
  for (const { name, data, size = data.length, method = 0, offset = end } of records) {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(size, 14);
    fields.writeUInt32LE(size, 18);
    fields.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x00\x00'), fields, place, Buffer.from(name));
    const record = [Buffer.from('PK\x03\x04'), fields, Buffer.from(name), data];
    parts.push(...record);
    end += Buffer.concat(record).length;
  }
  const directoryBytes = Buffer.concat(directory);
  const tail = Buffer.alloc(22);
  tail.write('PK\x05\x06');
  tail.writeUInt16LE(records.length, 8);
  tail.writeUInt16LE(records.length, 10);
  tail.writeUInt32LE(directoryBytes.length, 12);
  tail.writeUInt32LE(end, 16);
  return Buffer.concat([...parts, directoryBytes, tail]);
}

/** A `.pth` with this pickle, and storages of so many zero bytes. */
export function pth(pickle: Buffer, storageBytes: readonly number[] = []): Buffer {
  return zip([
    { name: 'archive/data.pkl', data: pickle },
    ...storageBytes.map((bytes, key) => ({
      name: `archive/data/${key}`,
      data: Buffer.alloc(bytes),
    })),
  ]);
}

import { hostname } from 'node:os';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import crc32c from 'crc-32/crc32c.js';
import { AppendLog } from '../disk/appendLog.js';

/**
 * TFRecord's mask: added to a rotated CRC, because the CRC of data that holds CRCs is a weak one.
 */
const MASK_DELTA = 0xa282ead8;

/** The numbers that TensorFlow's event.proto and summary.proto give to the fields of scalars. */
const FIELD = {
  event: { wallTime: 1, step: 2, fileVersion: 3, summary: 5 },
  summary: { value: 1 },
  value: { tag: 1, simpleValue: 2 },
} as const;

/** The scalars that belong to one step. */
export interface Scalars {
  /** Training steps done since the start of the run. */
  readonly step: number;
  /** Unix time, s. */
  readonly wallTime: number;
  /** Tag to value, such as `train/loss`. */
  readonly values: Readonly<Record<string, number>>;
}

/** Writes a TensorBoard event file with scalars. */
export class EventFile {
  readonly #log: AppendLog;

  private constructor(log: AppendLog) {
    this.#log = log;
  }

  /** Makes `events.out.tfevents.<time>.<host>` in `folder`. @param time Unix time, s */
  static async create(folder: string, time: number): Promise<EventFile> {
    const name = `events.out.tfevents.${String(Math.floor(time)).padStart(10, '0')}.${hostname()}`;
    const log = await AppendLog.create(join(folder, name));
    try {
      await log.append(versionRecord(time));
      return new EventFile(log);
    } catch (error) {
      await log.close().catch(() => {}); // the first failure is the one to report
      throw error;
    }
  }

  /** Goes on with a file, as `AppendLog.goOn` does. */
  static async goOn(path: string, length: number): Promise<EventFile> {
    return new EventFile(await AppendLog.goOn(path, length));
  }

  get path(): string {
    return this.#log.path;
  }

  /** Bytes of whole records. */
  get length(): number {
    return this.#log.length;
  }

  async append(scalars: readonly Scalars[]): Promise<void> {
    await this.#log.append(Buffer.concat(scalars.map(scalarRecord)));
  }

  async flush(): Promise<void> {
    await this.#log.flush();
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}

/** The first record of a file. @param wallTime Unix time, s */
function versionRecord(wallTime: number): Uint8Array {
  const writer = startEvent(wallTime);
  writer.tag(FIELD.event.fileVersion, WireType.LengthDelimited).string('brain.Event:2');
  return record(writer.finish());
}

function scalarRecord({ step, wallTime, values }: Scalars): Uint8Array {
  const writer = startEvent(wallTime);
  writer.tag(FIELD.event.step, WireType.Varint).int64(step);
  writer.tag(FIELD.event.summary, WireType.LengthDelimited).fork();
  for (const [tag, value] of Object.entries(values)) writeValue(writer, tag, value);
  writer.join();
  return record(writer.finish());
}

function startEvent(wallTime: number): BinaryWriter {
  return new BinaryWriter().tag(FIELD.event.wallTime, WireType.Bit64).double(wallTime);
}

/** One value of a summary; what is too large for a float becomes infinite. */
function writeValue(writer: BinaryWriter, tag: string, value: number): void {
  writer.tag(FIELD.summary.value, WireType.LengthDelimited).fork();
  writer.tag(FIELD.value.tag, WireType.LengthDelimited).string(tag);
  writer.tag(FIELD.value.simpleValue, WireType.Bit32).float(Math.fround(value));
  writer.join();
}

/** One TFRecord: length (uint64), its CRC, the event (`data`), its CRC; all little-endian. */
function record(data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeBigUInt64LE(BigInt(data.length));
  header.writeUInt32LE(maskedCrc(header.subarray(0, 8)), 8);
  const footer = Buffer.alloc(4);
  footer.writeUInt32LE(maskedCrc(data));
  return Buffer.concat([header, data, footer]);
}

function maskedCrc(data: Uint8Array): number {
  const crc = crc32c.buf(data);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

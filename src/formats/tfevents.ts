import { hostname } from 'node:os';
import { join } from 'node:path';
import crc32c from 'crc-32/crc32c.js';
import protobuf from 'protobufjs/light.js';
import { AppendLog } from '../disk/appendLog.js';

const { Field, Root, Type } = protobuf;

/**
 * TFRecord's mask: added to a rotated CRC, because the CRC of data that holds CRCs is a weak one.
 */
const MASK_DELTA = 0xa282ead8;

// The part of TensorFlow's event.proto and summary.proto that scalars need.
const Value = new Type('Value')
  .add(new Field('tag', 1, 'string'))
  .add(new Field('simpleValue', 2, 'float'));
const Summary = new Type('Summary').add(new Field('value', 1, 'Value', 'repeated'));
const Event = new Type('Event')
  .add(new Field('wallTime', 1, 'double'))
  .add(new Field('step', 2, 'int64'))
  .add(new Field('fileVersion', 3, 'string'))
  .add(new Field('summary', 5, 'Summary'));
new Root().define('tensorboard').add(Value).add(Summary).add(Event);

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
      await log.append(record({ wallTime: time, fileVersion: 'brain.Event:2' }));
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

function scalarRecord({ step, wallTime, values }: Scalars): Uint8Array {
  const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return record({ wallTime, step, summary: { value } });
}

/** One TFRecord: length (uint64), its CRC, the event, its CRC; all little-endian. */
function record(event: Record<string, unknown>): Uint8Array {
  const data = Event.encode(Event.create(event)).finish();
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

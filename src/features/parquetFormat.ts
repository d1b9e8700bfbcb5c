import type { FileHandle } from 'node:fs/promises';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { writeAtomically } from '../disk/atomicFile.js';
import type { FeatureFormat } from './featureFormat.js';
import { labelOf } from './nameFields.js';
import { numbersOf } from './numbersOf.js';

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema'];

/** Bytes of the rows that are written as one group: readers like them large, event loops do not. */
const GROUP_BYTES = 2 ** 22;

const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const;

/** Columns id, label and embedding, the last of which is a list of floats. */
const SCHEMA: Schema = [
  { name: 'schema', num_children: 3 },
  { name: 'id', ...TEXT, repetition_type: 'REQUIRED' },
  { name: 'label', ...TEXT, repetition_type: 'OPTIONAL' },
  { name: 'embedding', num_children: 1, converted_type: 'LIST', repetition_type: 'REQUIRED' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
];

/** Apache Parquet (https://parquet.apache.org), as data frames read it. */
export const parquetFormat: FeatureFormat = {
  reserved: () => 0,
  bytesPerNumber: 4,
  companions: () => [],
  async finish(out, content, rows) {
    const { ids, dims, dtype } = content;
    await writeAtomically(out, async (file) => {
      const writer = new ParquetWriter({
        writer: new FileWriter(file),
        schema: SCHEMA,
        codec: 'UNCOMPRESSED', // numbers like these get no smaller, and any codec slower
        statistics: false,
        createdBy: `moco ${content.meta.mocoVersion}`,
      });
      let row = 0;
      for await (const bytes of rows.read(GROUP_BYTES)) {
        const numbers = numbersOf(bytes, dtype);
        const embedding = Array.from({ length: numbers.length / dims }, (_, at) =>
          Array.from(numbers.subarray(at * dims, (at + 1) * dims)),
        );
        const id = embedding.map((_, at) => ids[row + at] as string);
        const label = embedding.map((_, at) => labelOf(content, row + at));
        await writer.write({
          columnData: [
            { name: 'id', data: id },
            { name: 'label', data: label },
            { name: 'embedding', data: embedding, encoding: 'PLAIN' },
          ],
          rowGroupSize: embedding.length,
        });
        row += embedding.length;
      }
      await writer.finish();
    });
  },
};

/** Writes what it holds to a file after each group of rows. */
class FileWriter extends ByteWriter {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    super();
    this.#file = file;
  }

  async flush(): Promise<void> {
    await this.#file.writeFile(this.getBytes());
    this.index = 0;
  }

  override finish(): Promise<void> {
    return this.flush();
  }
}

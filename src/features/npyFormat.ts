import { writeAtomically } from '../disk/atomicFile.js';
import { writeAll } from '../disk/positioned.js';
import { csvLine } from './csvLine.js';
import type { FeatureFormat } from './featureFormat.js';
import { FEATURE_BYTES, type FeatureRows } from './featureTensors.js';
import { nameColumns, nameFields } from './nameFields.js';

/** Bytes in front of the numbers: room for any shape, and a multiple of 64, as NumPy writes it. */
const HEADER_BYTES = 128;

/** Names that are written at a time. */
const NAMES_AT_A_TIME = 4096;

const DESCRIPTIONS = { F32: '<f4', F16: '<f2' } as const;

/** NumPy's array file (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
export const npyFormat: FeatureFormat = {
  reserved: () => HEADER_BYTES,
  bytesPerNumber: 0,
  companions: (out) => [namesPath(out)],
  async finish(out, content, rows) {
    const { count, dims, dtype } = content;
    await writeAtomically(namesPath(out), async (file) => {
      await file.writeFile(csvLine(nameColumns(content)));
      for (let row = 0; row < count; row += NAMES_AT_A_TIME) {
        const names = { length: Math.min(NAMES_AT_A_TIME, count - row) };
        const lines = Array.from(names, (_, at) => csvLine(nameFields(content, row + at)));
        await file.writeFile(lines.join(''));
      }
    });
    await writeAll(rows.file, npyHeader(content), 0);
    await rows.file.truncate(HEADER_BYTES + count * dims * FEATURE_BYTES[dtype]);
    await rows.become();
  },
};

/** The table of names beside an array: `features.csv` beside `features.npy`. */
function namesPath(out: string): string {
  return `${out.replace(/\.npy$/i, '')}.csv`;
}

function npyHeader({ dtype, count, dims }: FeatureRows): Buffer {
  const magic = Buffer.from('\x93NUMPY\x01\x00\0\0', 'latin1');
  magic.writeUInt16LE(HEADER_BYTES - magic.length, magic.length - 2);
  const shape = `(${count}, ${dims})`;
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  return Buffer.concat([magic, Buffer.from(`${text.padEnd(HEADER_BYTES - magic.length - 1)}\n`)]);
}

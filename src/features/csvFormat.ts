import { writeAtomically } from '../disk/atomicFile.js';
import { csvLine } from './csvLine.js';
import type { FeatureFormat } from './featureFormat.js';
import { nameColumns, nameFields } from './nameFields.js';
import { numbersOf } from './numbersOf.js';

/** One line for each picture: name, label, and the numbers of its features. */
export const csvFormat: FeatureFormat = {
  reserved: () => 0,
  bytesPerNumber: 12,
  companions: () => [],
  async finish(out, content, rows) {
    const { dims, dtype } = content;
    await writeAtomically(out, async (file) => {
      const columns = Array.from({ length: dims }, (_, at) => `embedding_${at}`);
      await file.writeFile(csvLine([...nameColumns(content), ...columns]));
      let row = 0;
      for await (const bytes of rows.read()) {
        const numbers = numbersOf(bytes, dtype);
        const lines: string[] = [];
        for (let at = 0; at < numbers.length; at += dims) {
          const texts = Array.from(numbers.subarray(at, at + dims), shortest);
          lines.push(csvLine([...nameFields(content, row++), ...texts]));
        }
        await file.writeFile(lines.join(''));
      }
    });
  },
};

/** A number of 32 bits in as few digits as tell it from all others; nine always do. */
function shortest(value: number): string {
  if (Object.is(value, -0)) return '-0';
  for (const digits of [7, 8]) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}

import { pythonFloat } from './pythonFloat.js';

/** A table as pandas writes it: numbers as Python spells floats, NaN as an empty field. */
export function csvTable(
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  return [columns, ...rows.map((row) => row.map(field)), []].map((row) => row.join(',')).join('\n');
}

function field(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isNaN(value) ? '' : pythonFloat(value);
}

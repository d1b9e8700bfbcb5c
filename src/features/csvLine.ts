import { stringify } from 'csv-stringify/sync';

/** A line of a CSV file (RFC 4180, but ended by a line feed). */
export function csvLine(fields: readonly string[]): string {
  return stringify([fields]);
}

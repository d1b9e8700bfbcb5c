import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse';
import { isError, MocoError } from '../error.js';
import { shortened } from '../formats/formatError.js';

/** The labels in a file, by the name of the picture. */
export interface LabelTable {
  readonly labels: ReadonlyMap<string, string>;
  /** SHA-256 of the file. */
  readonly hash: string;
}

interface Row {
  readonly file: unknown;
  readonly label: unknown;
  readonly line: number;
}

const FORMS =
  'Write a CSV file whose first line names the columns file and label, or JSON lines such as {"file": "a/b.jpg", "label": "cat"}.';

/** What separates the columns: a comma, unless the first line has none. */
const DELIMITERS = [',', ';', '\t'];

/**
 * Reads labels from a CSV file (RFC 4180, with a header; other columns are passed over), or from JSON
 * lines where the name ends in `.jsonl` or `.ndjson`. An empty label, or null, is none.
 * @throws MocoError `ERR_MOCO_DATA` that names the line
 */
export async function readLabelTable(path: string): Promise<LabelTable> {
  const labels = new Map<string, string>();
  try {
    const bytes = await readFile(path);
    const rows = /\.(?:jsonl|ndjson)$/i.test(path) ? jsonRows(bytes) : csvRows(bytes);
    for await (const row of rows) addRow(labels, row);
    return { labels, hash: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    throw tableError(path, error);
  }
}

/** What is wrong with a line, without the file's name. */
class LineError extends Error {
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
  }
}

function addRow(labels: Map<string, string>, { file, label, line }: Row): void {
  if (typeof file !== 'string' || file === '') throw new LineError(line, 'it names no file');
  const text = labelText(label, line);
  if (text === undefined) return;
  const name = file.replace(/^(?:\.\/)+/, '');
  const before = labels.get(name);
  if (before !== undefined && before !== text) {
    const both = `${shortened(before)} and ${shortened(text)}`;
    throw new LineError(line, `${shortened(name)} has two labels: ${both}`);
  }
  labels.set(name, text);
}

function labelText(label: unknown, line: number): string | undefined {
  if (label === null || label === '') return undefined;
  if (typeof label === 'string' || typeof label === 'number') return String(label);
  throw new LineError(line, 'it has no label: a text or a number');
}

async function* csvRows(bytes: Buffer): AsyncGenerator<Row> {
  const rows = parse(bytes, {
    bom: true,
    columns: columnsOf,
    delimiter: delimiterOf(bytes),
    info: true,
    skip_empty_lines: true,
    trim: true,
  });
  for await (const { record, info } of rows) {
    yield { file: record.file, label: record.label, line: info.lines };
  }
}

function columnsOf(header: readonly string[]): string[] {
  const names = header.map((name) => name.toLowerCase());
  for (const column of ['file', 'label']) {
    if (!names.includes(column)) throw new LineError(1, `there is no column "${column}"`);
  }
  return names;
}

function delimiterOf(bytes: Buffer): string {
  const end = bytes.indexOf('\n');
  const header = bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  return DELIMITERS.find((delimiter) => header.includes(delimiter)) ?? ',';
}

function* jsonRows(bytes: Buffer): Generator<Row> {
  for (const [index, text] of bytes
    .toString()
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (text.trim() !== '') yield { ...jsonRow(text, index + 1), line: index + 1 };
  }
}

function jsonRow(text: string, line: number): Omit<Row, 'line'> {
  try {
    const { file, label } = JSON.parse(text);
    return { file, label };
  } catch {
    throw new LineError(line, 'it is no JSON object');
  }
}

function tableError(path: string, error: unknown): MocoError {
  if (error instanceof LineError || error instanceof CsvError) {
    return new MocoError('ERR_MOCO_DATA', `${path}: ${shortened(error.message)}`, {
      hint: FORMS,
      cause: error,
    });
  }
  // Node's message ends in the system call and the path, which we name ourselves.
  const reason = isError(error) ? error.message.split(',')[0] : String(error);
  return new MocoError('ERR_MOCO_DATA', `cannot read the labels in ${path}: ${reason}`, {
    hint: 'Check the path and its permissions.',
    cause: error,
  });
}

import type { DoctorReport, Finding } from '../index.js';
import { count } from './quantities.js';

/** Width of the column of subjects, in characters. */
const SUBJECT_WIDTH = 13;

/** One finding, and what to do about it below. */
export function findingLines({ subject, state, message, hint }: Finding): string[] {
  const mark = state === 'good' ? 'ok' : state;
  const indent = ' '.repeat('note  '.length + SUBJECT_WIDTH + 2);
  const [first, ...rest] = message.split('\n');
  return [
    `${mark.padEnd(4)}  ${subject.padEnd(SUBJECT_WIDTH)}  ${first}`,
    ...[...rest, ...(hint?.split('\n') ?? [])].map((line) => indent + line),
  ];
}

/** The last line. */
export function verdict({ findings }: DoctorReport): string {
  const bad = findings.filter(({ state }) => state === 'bad').length;
  return bad === 0
    ? 'moco works on this machine.'
    : `moco does not work: ${count(bad, 'problem')}.`;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TerminalOutput } from '#moco/cli/terminalOutput.js';

test('a terminal that does not tell its width shows 79 characters of a live line', (context) => {
  const written: unknown[] = [];
  const write = context.mock.method(process.stdout, 'write', (text: unknown) => written.push(text));
  const columns = Object.getOwnPropertyDescriptor(process.stdout, 'columns');
  Object.defineProperty(process.stdout, 'columns', { value: 0, configurable: true });
  const live = 'epoch  3/50  loss 7.1235  '.repeat(4);
  new TerminalOutput({ textOf: () => ({ live }) }).show('an event');
  if (columns) Object.defineProperty(process.stdout, 'columns', columns);
  else Reflect.deleteProperty(process.stdout, 'columns');
  write.mock.restore();
  assert.equal(written.at(-1), live.slice(0, 79));
});

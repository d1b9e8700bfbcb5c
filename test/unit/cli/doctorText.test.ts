import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingLines, verdict } from '#moco/cli/doctorText.js';

test('a finding reads as one line, with what to do below', () => {
  const finding = {
    subject: 'addon',
    message: 'it is missing:\nno file',
    hint: '1. Build.\n2. Go.',
  };
  assert.deepEqual(findingLines({ ...finding, state: 'bad' }), [
    'bad   addon          it is missing:',
    '                     no file',
    '                     1. Build.',
    '                     2. Go.',
  ]);
  assert.deepEqual(findingLines({ subject: 'GPU', state: 'good', message: 'one' }), [
    'ok    GPU            one',
  ]);
});

test('the last line counts what is bad', () => {
  const finding = (state: 'good' | 'note' | 'bad') => ({ subject: 'x', state, message: '' });
  const good = { healthy: true, findings: [finding('good'), finding('note')] };
  assert.equal(verdict(good), 'moco works on this machine.');
  const bad = { healthy: false, findings: [finding('bad'), finding('note')] };
  assert.equal(verdict(bad), 'moco does not work: 1 problem.');
});

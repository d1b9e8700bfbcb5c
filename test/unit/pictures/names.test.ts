import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byName, nameText, sortedNaturally } from '#moco/pictures/names.js';

test('a name that is UTF-8 is that text', () => {
  for (const name of ['', 'a.png', 'Ünïcödé 🙂\n.png'])
    assert.equal(nameText(Buffer.from(name)), name);
});

test('bytes that are no UTF-8 are escaped, and those around them stay', () => {
  for (const [hex, text] of [
    ['ff', '\\xff'],
    ['61e962', 'a\\xe9b'],
    ['c3a9ffc3', 'é\\xff\\xc3'],
    ['f09f9982f09f99', '🙂\\xf0\\x9f\\x99'],
    ['eda080', '\\xed\\xa0\\x80'], // half of a character
  ] as const) {
    assert.equal(nameText(Buffer.from(hex, 'hex')), text);
  }
});

test('names are sorted as people do', () => {
  const sorted = ['a', 'B', 'class 2', 'class 10', 'd'];
  assert.deepEqual(sortedNaturally(sorted.toReversed()), sorted);
  assert.deepEqual(byName([{ name: 'b' }, { name: 'B' }, { name: 'a' }]), [
    { name: 'B' },
    { name: 'a' },
    { name: 'b' },
  ]);
});

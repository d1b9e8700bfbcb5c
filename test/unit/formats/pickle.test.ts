import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPickle } from '#moco/formats/pickle.js';
import { PickledObject, PickleGlobal, PickleTuple } from '#moco/formats/pickleValue.js';

/** A pickle of the instructions in these texts, one byte for each character. */
const pickle = (...instructions: string[]) => Buffer.from(`${instructions.join('')}.`, 'latin1');

test('numbers, texts and collections are values', () => {
  const { value, end } = readPickle(
    pickle('\x80\x02]q\x00(K\x01J\xff\xff\xff\xffN\x88\x8a\x01\x80X\x01\x00\x00\x00ae'),
  );
  assert.deepEqual(value, [1, -1, null, true, -128, 'a']);
  assert.equal(end, 26);
});

test('instructions of protocols 4 and 5 are known', () => {
  const parts = [
    '\x80\x05\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94',
    'C\x02\x01\x02\x94',
  ];
  parts.push('\x8d\x01\x00\x00\x00\x00\x00\x00\x00b', '\x96\x01\x00\x00\x00\x00\x00\x00\x00\x07u');
  assert.deepEqual(
    readPickle(pickle(...parts)).value,
    new Map([
      ['a', Buffer.from([1, 2])],
      ['b', Buffer.from([7])],
    ]),
  );
});

test('lists and dictionaries may be made at once, and values dropped or doubled', () => {
  const { value } = readPickle(pickle('\x80\x02(K\x01K\x020', '(K\x05K\x061', '2l'));
  assert.deepEqual(value, [1, 1]);
  const dict = readPickle(pickle('\x80\x02(U\x01aK\x01d')).value;
  assert.deepEqual(dict, new Map([['a', 1]]));
});

test('what is called stays a description: what would be called, with what, and the state', () => {
  const { value } = readPickle(
    pickle('\x80\x02capp\nThing\nK\x01\x85\x81', '}U\x01aK\x02sb', 'K\x03K\x04s'),
  );
  assert.ok(value instanceof PickledObject && value.callable instanceof PickleGlobal);
  assert.deepEqual([value.callable.name, value.args], ['app.Thing', [1]]);
  assert.deepEqual([value.state, value.items], [new Map([['a', 2]]), new Map([[3, 4]])]);
});

test('NEWOBJ_EX, OBJ and STACK_GLOBAL are calls as others are', () => {
  for (const call of [
    'capp\nThing\nK\x01\x85}\x92',
    '(capp\nThing\nK\x01o',
    '\x8c\x03app\x8c\x05Thing\x93K\x01\x85R',
  ]) {
    const { value } = readPickle(pickle('\x80\x04', call));
    assert.ok(value instanceof PickledObject && value.callable instanceof PickleGlobal);
    assert.deepEqual([value.callable.name, value.args[0]], ['app.Thing', 1]);
  }
});

test('names of Python 2 are those of today', () => {
  const { value } = readPickle(
    pickle('\x80\x02c__builtin__\nset\nccopy_reg\n_reconstructor\n\x86'),
  );
  assert.ok(value instanceof PickleTuple);
  assert.deepEqual(
    value.items.map((item) => (item as PickleGlobal).name),
    ['builtins.set', 'copyreg._reconstructor'],
  );
});

test('a str of Python 2 is a text, or bytes; or one character for each byte, if so asked', () => {
  const strings = pickle('\x80\x02', 'U\x02\xc3\xa4', 'T\x02\x00\x00\x00\xff\x00', '\x86');
  const read = (options = {}) => (readPickle(strings, options).value as PickleTuple).items;
  assert.deepEqual(read(), ['ä', Buffer.from([0xff, 0])]);
  assert.deepEqual(read({ strings: 'latin1' }), ['\xc3\xa4', '\xff\x00']);
});

test('half of a surrogate pair, which Python can write, does not refuse a pickle', () => {
  assert.equal(
    readPickle(pickle('\x80\x02X\x04\x00\x00\x00a\xed\xa0\x80')).value,
    'a\ufffd\ufffd\ufffd',
  );
});

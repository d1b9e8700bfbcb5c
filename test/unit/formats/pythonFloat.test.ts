import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pythonFloat } from '#moco/formats/pythonFloat.js';

// Each pair was checked against Python's repr.
const spellings: [value: number, repr: string][] = [
  [0.5, '0.5'],
  [0.999, '0.999'],
  [1, '1.0'],
  [0, '0.0'],
  [-0, '-0.0'],
  [100, '100.0'],
  [12.5, '12.5'],
  [-3.25, '-3.25'],
  [1 / 3, '0.3333333333333333'],
  [0.1 + 0.2, '0.30000000000000004'],
  [1e-3, '0.001'],
  [1e-4, '0.0001'],
  [0.00012345, '0.00012345'],
  [1e-5, '1e-05'],
  [1.5e-7, '1.5e-07'],
  [-2.5e-8, '-2.5e-08'],
  [1e-100, '1e-100'],
  [1e15, '1000000000000000.0'],
  [1234567890123456, '1234567890123456.0'],
  [1e16, '1e+16'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [5e-324, '5e-324'],
  [Infinity, 'inf'],
  [-Infinity, '-inf'],
  [Number.NaN, 'nan'],
];

test('floats are spelled as Python spells them', () => {
  for (const [value, repr] of spellings) assert.equal(pythonFloat(value), repr);
});

test('a spelled float reads back as the same number', () => {
  let bits = 1n;
  for (let count = 0; count < 2000; count++) {
    bits = (bits * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    const value = new Float64Array(BigUint64Array.of(bits).buffer)[0] as number;
    if (Number.isFinite(value)) assert.equal(Number(pythonFloat(value)), value);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeasureWatch } from '#moco/train/measureWatch.js';
import { MEASURED } from '../../support/trainerDouble.js';

const after = (watch: MeasureWatch, measures: Partial<typeof MEASURED>, epoch = 2) =>
  watch.after({ epoch, measures: { ...MEASURED, ...measures } });

const newWatch = () => new MeasureWatch({ stepsPerEpoch: 50 });

test('an encoder that gives all pictures nearly the same vector has collapsed, which is said once', () => {
  for (const collapsed of [{ dimensionSpread: 0.049 }, { effectiveRank: 1.09 }]) {
    const watch = newWatch();
    assert.equal(after(watch, {}), undefined);
    assert.match(after(watch, collapsed) ?? '', /^the encoder has collapsed: /);
    assert.equal(after(watch, collapsed), undefined);
  }
});

test('little spread, and a low rank, are not collapse', () => {
  const watch = newWatch();
  assert.equal(after(watch, { dimensionSpread: 0.05, effectiveRank: 1.1 }), undefined);
  assert.equal(watch.after({ epoch: 2, measures: undefined }), undefined);
});

test('the first steps do not count', () => {
  assert.equal(after(newWatch(), { effectiveRank: 1 }, 1), undefined);
});

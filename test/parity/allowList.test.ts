import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectedOfAllowed } from '../support/modelFiles.js';
import { runPython, skip } from './python.js';

test("every name that torch.load's safe default allows stands in a file that is tested", {
  skip,
}, async () => {
  const allowed: string[] = JSON.parse(runPython('allow_list.py'));
  const files = Object.values(await expectedOfAllowed());
  const tested = new Set(files.flatMap(({ names }) => names));
  assert.ok(allowed.length > 100);
  assert.deepEqual(
    allowed.filter((name) => !tested.has(name)),
    [],
  );
});

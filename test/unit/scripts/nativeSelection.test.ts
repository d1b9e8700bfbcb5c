import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '#moco/packageRoot.js';

const script = pathToFileURL(join(packageRoot, 'scripts/test/nativeSelection.mjs')).href;
const { onlyFiles, withoutTests } = await import(script);

/** The C++ tests that options leave, by name. */
function namesOf(options: readonly string[]): string[] {
  const program = join(packageRoot, 'build/native/Release/moco_tests');
  const list = execFileSync(program, ['--list-test-cases', ...options], { encoding: 'utf8' });
  return list.split('\n').filter((line) => !/^(=|\[doctest\]|$)/.test(line));
}

test('all C++ tests that are named are left out, commas in their names or not', () => {
  const files = onlyFiles(['*/thread_team_test.cc', '*/cores_test.cc']);
  const all = namesOf(files);
  const names = all.filter((name) => name.includes(',')).concat(all.at(-1) ?? []);
  assert.ok(names.length > 1 && names.length < all.length);
  assert.deepEqual(
    namesOf([...files, ...withoutTests(names)]),
    all.filter((name) => !names.includes(name)),
  );
  assert.deepEqual(namesOf([...files, ...withoutTests([])]), all);
});

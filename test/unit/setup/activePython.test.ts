import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { activePython } from '#moco/setup/activePython.js';
import { bareHost, writeCommand, writeFiles, writePython } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('torch is looked up in Python without importing it', (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'site/torch/__init__.py': 'raise SystemExit("imported")' });
  const host = bareHost(folder, {
    PATH: process.env.PATH,
    PYTHONPATH: join(folder, 'site'),
  });
  assert.equal(activePython(host)?.torch, join(folder, 'site/torch'));
});

test('a Python without torch is still the active Python', (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder);
  writePython(host, {});
  assert.deepEqual(activePython(host), {
    executable: join(folder, 'bin/python3'),
    torch: undefined,
  });
});

test('the active virtual environment comes before PATH', (t) => {
  const folder = temporaryFolder(t);
  const host = bareHost(folder, { VIRTUAL_ENV: join(folder, 'venv') });
  writePython(host, { torch: '/of/path' });
  writePython(bareHost(join(folder, 'venv')), { torch: '/of/venv' });
  renameSync(join(folder, 'venv/bin/python3'), join(folder, 'venv/bin/python'));
  assert.equal(activePython(host)?.torch, '/of/venv');
});

test('a python3 that does not run is passed over for the next command', (t) => {
  const host = bareHost(temporaryFolder(t));
  writePython(host, { torch: '/of/python' });
  const python = join(host.env.PATH ?? '', 'python');
  renameSync(`${python}3`, python);
  writeCommand(host, 'python3', 'exit 127');
  assert.equal(activePython(host)?.torch, '/of/python');
});

test('where no Python runs there is no active Python', (t) => {
  assert.equal(activePython(bareHost(temporaryFolder(t))), undefined);
});

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';

/** An empty folder that goes away with the test, or after all tests of the file where none is given. */
export function temporaryFolder(test?: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'moco-test-')));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  if (test) test.after(remove);
  else after(remove);
  return folder;
}

#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const entry = new URL('../dist/cli/main.js', import.meta.url);

if (existsSync(entry)) {
  const { main } = await import(entry);
  process.exitCode = await main(process.argv.slice(2));
} else {
  const root = fileURLToPath(new URL('..', import.meta.url));
  process.stderr.write(
    `error: moco in ${root} is not set up yet [ERR_MOCO_NATIVE_MISSING]\n` +
      `Set it up, which needs a few minutes: npm run setup --prefix ${root}\n`,
  );
  process.exitCode = 1;
}

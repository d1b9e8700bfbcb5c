// Checks what `npm run format` would change, the rules of Biome, and types.
import { runClangFormat } from './clang-format.mjs';
import { runTool } from './run-tool.mjs';

const results = [
  runTool('@biomejs/biome/bin/biome', ['check', '--error-on-warnings']),
  runTool('typescript/bin/tsc', ['--noEmit']),
  runClangFormat(['--dry-run', '--Werror']),
];
process.exitCode = results.every((exitCode) => exitCode === 0) ? 0 : 1;

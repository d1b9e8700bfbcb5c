// Checks what `npm run format` would change, the rules of Biome, types, and that the core's includes
// only go down.
import { checkRooms } from './check-rooms.mjs';
import { runClangFormat } from './clang-format.mjs';
import { runTool } from './run-tool.mjs';

const results = [
  runTool('@biomejs/biome/bin/biome', ['check', '--error-on-warnings']),
  runTool('typescript/bin/tsc', ['--noEmit']),
  runClangFormat(['--dry-run', '--Werror']),
  checkRooms(),
];
process.exitCode = results.every((exitCode) => exitCode === 0) ? 0 : 1;

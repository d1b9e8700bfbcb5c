// Checks what `npm run format` would change, the rules of Biome, types, and that the includes of the
// core and the imports of src only go down.
import { checkRooms } from './check-rooms.mjs';
import { checkSourceRooms } from './check-source-rooms.mjs';
import { runClangFormat } from './clang-format.mjs';
import { runTool } from './run-tool.mjs';

const results = [
  runTool('@biomejs/biome/bin/biome', ['check', '--error-on-warnings']),
  runTool('typescript/bin/tsc', ['--noEmit']),
  runClangFormat(['--dry-run', '--Werror']),
  checkRooms(),
  checkSourceRooms(),
];
process.exitCode = results.every((exitCode) => exitCode === 0) ? 0 : 1;

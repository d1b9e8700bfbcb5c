// Registers, spills and shared memory of our kernels, against their limits.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { limitProblem } from './limits.mjs';
import { parsePtxas, shortName } from './ptxas.mjs';

/**
 * The commands by which a build compiles kernels with nvcc.
 * @param {string} folder  the build's, where CMake has written its compile_commands.json
 */
function kernelCommands(folder, nvcc) {
  const commands = JSON.parse(readFileSync(join(folder, 'compile_commands.json'), 'utf8'));
  return commands.filter(({ file, command }) => file.endsWith('.cu') && command.includes(nvcc));
}

/** Compiles a file once more, for nothing but what ptxas says about it. */
async function ptxasOutput({ directory, command }) {
  const inspection = `${command.replace(/ -o \S+/, ' -o /dev/null')} -Xptxas=-v`;
  const options = { cwd: directory, maxBuffer: Infinity };
  const { stderr } = await promisify(execFile)('sh', ['-c', inspection], options);
  return stderr;
}

function demangled(symbols) {
  const options = { input: symbols.join('\n'), encoding: 'utf8' };
  return execFileSync('c++filt', options).trimEnd().split('\n');
}

/**
 * Prints a table of all kernels.
 * @returns {Promise<number>} how many of them break their limits
 */
export async function checkRegisters(folder, nvcc, print) {
  const outputs = await Promise.all(kernelCommands(folder, nvcc).map(ptxasOutput));
  const kernels = outputs.flatMap(parsePtxas);
  if (kernels.length === 0) throw new Error('nvcc has told nothing about kernels');
  const names = demangled(kernels.map(({ symbol }) => symbol)).map(shortName);
  print(`${'kernel'.padEnd(44)} ${'for'.padEnd(7)} registers  spills  shared`);
  let broken = 0;
  for (const [index, kernel] of kernels.entries()) {
    const { architecture, registers, spills, shared } = kernel;
    const problem = limitProblem(names[index], kernel);
    if (problem) broken += 1;
    print(
      `${names[index].padEnd(44)} ${architecture.padEnd(7)} ${`${registers}`.padStart(9)} ` +
        `${`${spills}`.padStart(7)} ${`${shared}`.padStart(7)}${problem ? `  ${problem}` : ''}`,
    );
  }
  return broken;
}

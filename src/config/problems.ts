import { MocoError } from '../error.js';
import { type CommandConfig, initCommand } from './commandConfig.js';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The key, flag or file that is wrong. */
  readonly path: string;
  /** What was expected and what was given. */
  readonly message: string;
  /** `cfg.json:3:5`, `--batch-size`; absent where a program gave the value. */
  readonly where?: string | undefined;
}

/** One `ERR_MOCO_CONFIG` that lists all problems. */
export function configError(command: CommandConfig, problems: readonly ConfigProblem[]): MocoError {
  const lines = problems.map(
    ({ path, message, where }) => `  ${path}: ${message}${where ? ` (${where})` : ''}`,
  );
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new MocoError('ERR_MOCO_CONFIG', `the configuration has ${count}:\n${lines.join('\n')}`, {
    hint: `\`moco ${command.name} --help\` lists every flag, \`${initCommand(command)}\` every key with its default.`,
  });
}

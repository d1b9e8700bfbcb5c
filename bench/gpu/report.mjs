// The report of a part: how its steps ended, on what machine, and their tables.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingText, table } from './markdown.mjs';

/** Steps whose output is for people to read, and stands in the report as it is. */
const SHOWN_LOGS = ['doctor'];

/**
 * @param out where the steps have written
 * @param machine as `describeMachine` says it
 * @param outcomes `{ name, outcome, seconds }` of each step
 */
export function report(out, machine, outcomes) {
  const rows = outcomes.map(({ name, outcome, seconds }) => [name, outcome, seconds.toFixed(1)]);
  const parts = outcomes.flatMap(({ name }) => textOf(out, name) ?? []);
  const facts = settingText(machine);
  return ['# Steps\n', table(['step', 'outcome', 's'], rows), `\n${facts}\n`, ...parts]
    .map((text) => `${text}\n`)
    .join('');
}

function textOf(out, name) {
  const [written, log] = ['md', 'log'].map((type) => join(out, `${name}.${type}`));
  if (existsSync(written)) return readFileSync(written, 'utf8');
  if (!SHOWN_LOGS.includes(name) || !existsSync(log)) return undefined;
  return `# ${name}\n\n\`\`\`\n${readFileSync(log, 'utf8')}\`\`\`\n`;
}

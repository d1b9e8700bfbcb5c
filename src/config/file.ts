import { readFile } from 'node:fs/promises';
import {
  createScanner,
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { absolute } from '../arguments/paths.js';
import { shown } from '../arguments/shown.js';
import { MocoError } from '../error.js';
import { type CommandConfig, initCommand } from './commandConfig.js';
import type { ConfigLayer } from './layer.js';
import type { ConfigProblem } from './problems.js';

/**
 * How many brackets may be open at once. A right file has one; the parser fails at some thousands.
 */
const MAX_DEPTH = 100;

/** Why a file cannot be read, by the system's error code. */
const UNREADABLE: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'permission denied',
  ERR_ACCESS_DENIED: "Node's permission model does not allow it (--allow-fs-read)",
};

/** What the parser expected, by its name of the error. */
const EXPECTED: Record<string, string> = {
  InvalidSymbol: 'expected a number, true, false, null, or a key or text in double quotes',
  InvalidNumberFormat: 'expected a number',
  PropertyNameExpected: 'expected a key in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected ":" after the key',
  CommaExpected: 'expected ","',
  CloseBraceExpected: 'expected "}"',
  CloseBracketExpected: 'expected "]"',
  EndOfFileExpected: 'expected the end of the file',
  UnexpectedEndOfString: 'expected a closing double quote',
  UnexpectedEndOfComment: 'expected the end of the comment',
};

/**
 * Reads a command's configuration file: JSON, with comments and trailing commas allowed. Every entry keeps
 * its place. A file that cannot be read throws; wrong JSON becomes a problem.
 */
export async function readConfigFile(command: CommandConfig, path: string): Promise<ConfigLayer> {
  const text = await readText(command, path);
  const place = (offset: number) => `${path}:${lineAndColumn(text, offset)}`;
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    const message = `nested too deeply: expected at most ${MAX_DEPTH} open brackets`;
    return { entries: [], problems: [{ path: place(deep), message }] };
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) return { entries: [], problems: syntaxProblems(path, text, errors) };
  if (root?.type !== 'object') {
    const message = `expected an object with keys, given ${root ? shown(getNodeValue(root)) : 'nothing'}`;
    return { entries: [], problems: [{ path, message }] };
  }
  const layer: ConfigLayer = { entries: [], problems: [] };
  const seen = new Set<string>();
  for (const property of root.children ?? []) {
    const [name, value] = property.children as [Node, Node];
    const key: string = name.value;
    if (seen.has(key)) {
      const message = 'expected once, given again';
      layer.problems.push({ path: key, message, where: place(name.offset) });
    } else if (key !== '$schema') {
      layer.entries.push({
        key,
        value: getNodeValue(value),
        given: shownSource(text, value),
        where: place(value.offset),
        whereKey: place(name.offset),
        whereIn: (path) => place((findNodeAtLocation(value, [...path]) ?? value).offset),
      });
    }
    seen.add(key);
  }
  return layer;
}

async function readText(command: CommandConfig, path: string): Promise<string> {
  const lies = absolute(path);
  try {
    return (await readFile(lies, 'utf8')).replace(/^\uFEFF/, '');
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const reason = UNREADABLE[code] ?? message;
    const init = `\`${initCommand(command, path)}\``;
    const hint = code === 'ENOENT' ? `${init} writes a starting file there.` : undefined;
    throw new MocoError('ERR_MOCO_CONFIG', `cannot read configuration ${path}: ${reason}`, {
      hint,
      cause,
    });
  }
}

/** The place where too many brackets are open, at which the parser would overflow the stack. */
function tooDeepAt(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (scanner.scan(); scanner.getTokenLength() > 0; scanner.scan()) {
    const at = scanner.getTokenOffset();
    const first = text.charAt(at);
    if ('{['.includes(first)) depth++;
    if ('}]'.includes(first)) depth--;
    if (depth > MAX_DEPTH) return at;
  }
  return undefined;
}

function syntaxProblems(path: string, text: string, errors: ParseError[]): ConfigProblem[] {
  // One mistake makes the parser report several errors; those after the first mislead.
  const { error, offset } = errors[0] as ParseError;
  const place = `${path}:${lineAndColumn(text, offset)}`;
  const name = printParseErrorCode(error);
  const expected = EXPECTED[name] ?? name;
  return [{ path: place, message: `not valid JSON: ${expected}${found(text, offset)}` }];
}

function found(text: string, offset: number): string {
  const token = /^[\w.+-]+|^\S/.exec(text.slice(offset))?.[0];
  return token === undefined ? '' : `, found ${shown(token)}`;
}

/** A value as the file has it, so that 1e999 is not shown as Infinity. */
function shownSource(text: string, node: Node): string {
  const isNumber = node.type === 'number';
  return isNumber ? text.slice(node.offset, node.offset + node.length) : shown(getNodeValue(node));
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `${before.length}:${(before.at(-1) ?? '').length + 1}`;
}

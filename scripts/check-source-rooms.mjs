// Checks that imports in src only go down: that every room (a folder, or the public API) uses the
// rooms that src/rooms.json says and no others, and only such as stand before it there. What lies
// directly in src, such as error.ts, is for every room, and uses none.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from './run-tool.mjs';

const src = join(root, 'src');

/** The files that the public API and every room may use. */
const GROUND = 'ground';

/** A file's room: its folder, or its own name where that is in the list; else the ground. */
function roomOf(file, names) {
  const [first, ...rest] = file.split('/');
  return rest.length > 0 || names.includes(first) ? first : GROUND;
}

/** What a file imports of ours: paths in src, as `data/load.js`. */
function importsOf(file) {
  const text = readFileSync(join(src, file), 'utf8');
  const paths = [
    ...text.matchAll(/^(?:import|export|\}) .*?from '(\..+)';|\bimport\('(\..+)'\)/gm),
  ];
  return paths.map(([, named, dynamic]) => normalize(join(dirname(file), named ?? dynamic)));
}

/** `[{ file, path, from, to }]`: every import that leaves its room. */
function crossings(names) {
  const files = readdirSync(src, { recursive: true }).filter((file) => /\.[jt]s$/.test(file));
  return files
    .flatMap((file) => importsOf(file).map((path) => ({ file, path })))
    .map(({ file, path }) => {
      const to = roomOf(path.replace(/^index\.js$/, 'index.ts'), names);
      return { file, path, from: roomOf(file, names), to };
    })
    .filter(({ from, to }) => from !== to);
}

function* problemsOf({ room, uses }, lower, imports) {
  for (const { file, path, to } of imports) {
    if (to !== GROUND && !uses.includes(to))
      yield `${file} imports ${path}: ${room} does not use ${to}`;
  }
  for (const other of uses) {
    if (!lower.includes(other)) yield `${room} uses ${other}, which does not stand before it`;
    if (!imports.some(({ to }) => to === other))
      yield `${room} says that it uses ${other}, and does not`;
  }
}

/** Prints what is wrong; returns the exit code. */
export function checkSourceRooms() {
  const rooms = JSON.parse(readFileSync(join(src, 'rooms.json'), 'utf8'));
  const names = rooms.map(({ room }) => room);
  const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const unlisted = folders.filter(({ name }) => !names.includes(name));
  const all = crossings(names);
  const problems = [
    ...unlisted.map(({ name }) => `${name} is not listed`),
    ...[{ room: GROUND, uses: [] }, ...rooms].flatMap((room) => {
      const lower = names.slice(0, Math.max(0, names.indexOf(room.room)));
      return [
        ...problemsOf(
          room,
          lower,
          all.filter(({ from }) => from === room.room),
        ),
      ];
    }),
  ];
  for (const problem of problems) process.stderr.write(`src/rooms.json: ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

// Checks that the core's includes only go down: that every room of native/core uses what its
// CMakeLists.txt says and nothing else, that it uses only rooms that stand before it in
// native/core/CMakeLists.txt, and that no source file was forgotten.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run-tool.mjs';

const core = join(root, 'native/core');

/** The words behind `keyword` in a room's `moco_room(…)`, up to the next keyword. */
function wordsOf(list, keyword) {
  const words = new RegExp(`\\b${keyword}\\b([^A-Z)]*)`).exec(list)?.[1] ?? '';
  return words.split(/\s+/).filter(Boolean);
}

/** `{ name, uses, listed, files }`: what a room says, and what lies in its folder. */
function readRoom(name) {
  const list = readFileSync(join(core, name, 'CMakeLists.txt'), 'utf8').replace(/^#.*$/gm, '');
  return {
    name,
    uses: wordsOf(list, 'USES'),
    listed: ['SOURCES', 'CUDA_SOURCES', 'CUDA_KERNELS'].flatMap((key) => wordsOf(list, key)),
    files: readdirSync(join(core, name)).filter((file) => /\.(cc|cu|cuh|h)$/.test(file)),
  };
}

/** `[{ file, path }]`: the room's includes of our own headers, as `core/base/error.h`. */
function includesOf({ name, files }) {
  return files.flatMap((file) => {
    const text = readFileSync(join(core, name, file), 'utf8');
    return [...text.matchAll(/^#include "(.+)"/gm)].map(([, path]) => ({ file, path }));
  });
}

function* problemsOf(room, lower) {
  const used = new Set();
  for (const { file, path } of includesOf(room)) {
    const from = /^core\/([a-z]+)\//.exec(path)?.[1];
    if (from !== room.name) used.add(from);
    if (from !== room.name && !room.uses.includes(from)) {
      yield `${file} includes "${path}", and ${room.name} does not use ${from ?? 'that'}`;
    }
  }
  for (const other of room.uses) {
    if (!lower.includes(other)) yield `uses ${other}, which does not come before it`;
    if (!used.has(other)) yield `says that it uses ${other}, and includes nothing of it`;
  }
  for (const file of room.files) {
    const compiled = /\.(cc|cu)$/.test(file);
    if (compiled && !room.listed.includes(file)) yield `does not list ${file}`;
  }
}

/** Prints what is wrong; returns the exit code. */
export function checkRooms() {
  const order = readFileSync(join(core, 'CMakeLists.txt'), 'utf8');
  const names = [...order.matchAll(/^add_subdirectory\((\w+)\)/gm)].map(([, name]) => name);
  const problems = names.flatMap((name, i) =>
    [...problemsOf(readRoom(name), names.slice(0, i))].map(
      (text) => `native/core/${name}: ${text}`,
    ),
  );
  const folders = readdirSync(core, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) {
    if (!names.includes(name)) problems.push(`native/core/${name}: is not listed as a room`);
  }
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

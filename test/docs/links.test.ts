import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Folders that hold what was made or fetched, and others' words. */
const NOT_OURS = /^(node_modules|dist|build|data|results|\.git)\/|\/third_party\//;

/** Where paths in the text begin, so that `results/P` or `f.0.weight` are not taken for one. */
const OUR_PATH = /`((?:src|native|test|bench|scripts|docs|examples|\.ci|\.github|bin)\/[\w./-]+)`/g;

const documents = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md') && !NOT_OURS.test(file))
  .sort();

const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

/** Without blocks of code, in which nothing is a link. */
const proseOf = (file: string) => textOf(file).replace(/^```.*?^```/gms, '');

/** What GitHub calls the headings of a document, in links. */
function anchorsOf(file: string): string[] {
  return [...proseOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links to files and headings here: `[document, target]`. */
const links = documents.flatMap((file) =>
  [...proseOf(file).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => [file, target] as const)
    .filter(([, target]) => !/^[a-z]+:/.test(target)),
);

test('there are documents with links to check', () => {
  assert.ok(documents.includes('README.md') && documents.includes('docs/architecture.md'));
  assert.ok(links.length > 50);
});

test('every link in a document leads to a file of the project and a heading in it', () => {
  for (const [file, target] of links) {
    const [path = '', anchor] = target.split('#');
    const linked = path === '' ? file : relative(root, join(root, dirname(file), path));
    assert.ok(existsSync(join(root, linked)), `${file} links to ${target}, which is not there`);
    if (anchor === undefined) continue;
    assert.ok(anchorsOf(linked).includes(anchor), `${file} links to ${target}: no such heading`);
  }
});

test('every path that a document names is there', () => {
  for (const file of documents) {
    for (const [, path = ''] of textOf(file).matchAll(OUR_PATH)) {
      assert.ok(existsSync(join(root, path)), `${file} names ${path}, which is not there`);
    }
  }
});

test('the README is no manual', () => {
  assert.ok(textOf('README.md').trimEnd().split('\n').length <= 150);
});

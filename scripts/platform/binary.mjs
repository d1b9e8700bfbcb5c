import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const FAMILIES = ['GLIBC', 'GLIBCXX', 'CXXABI', 'GCC'];

/**
 * The newest version that shared libraries ask for of each family of symbols, for example
 * `{ GLIBC: '2.34', GLIBCXX: '3.4.30' }`: where the system's C and C++ libraries have them, the
 * shared libraries can be loaded.
 */
export function neededSymbolVersions(files) {
  const needed = execFileSync('readelf', ['--version-info', '--wide', ...files], {
    ...{ encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  });
  const versions = FAMILIES.map((family) => {
    const found = [...needed.matchAll(new RegExp(`Name: ${family}_([\\d.]+) `, 'g'))];
    return [
      family,
      found
        .map(([, version]) => version)
        .sort(byNumber)
        .at(-1),
    ];
  });
  return Object.fromEntries(versions.filter(([, version]) => version !== undefined));
}

function byNumber(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** The texts in a file that name one of these folders. */
export function textsThatName(folders, file) {
  const texts = readFileSync(file, 'latin1').match(/[\x20-\x7e]{4,}/g) ?? [];
  return texts.filter((text) => folders.some((folder) => text.includes(folder)));
}

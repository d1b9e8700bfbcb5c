// A folder of files as people have them and as nobody should: run this file with the name of a folder
// to have one made.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  cp,
  mkdir,
  readdir,
  readFile,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { packageRoot } from '#moco/packageRoot.js';
import { pngOf } from './pictureFolder.js';

/** Pictures of every format and mode, all of which can be read. */
const READABLE = join(packageRoot, 'test/pictures/files');

/** Names that are hard for terminals, shells, and programs that take names for text. */
const HARD_NAMES = [
  'new\nline.png',
  ' space .png',
  '-rf.png',
  '\u001b[31mred.png',
  'Ünïcödé 🙂.png',
  `${'long'.repeat(60)}.png`,
];

/** What is in such a folder. */
export interface TerriblePictures {
  /** Number of files that can be read. */
  readonly readable: number;
  /** By name, why the others cannot. */
  readonly broken: Readonly<Record<string, RegExp>>;
}

/** Makes the folder. A pipe and a socket in it would let a reader wait for ever. */
export async function makeTerriblePictures(folder: string): Promise<TerriblePictures> {
  const good = join(folder, 'good');
  await cp(READABLE, good, { recursive: true });
  for (const name of HARD_NAMES) await writeFile(join(good, name), await pngOf(16, 16, 0));
  const bytes = Buffer.concat([Buffer.from(`${good}/`), Buffer.from('caf\xe9\xff.png', 'latin1')]);
  await writeFile(bytes, await pngOf(16, 16, 1));
  await writeFile(join(good, 'one.png'), await pngOf(1, 1, 2));
  await writeFile(join(good, 'line.png'), await pngOf(10_000, 3, 3));
  const readable = (await readdir(good)).length;
  await makeLinks(folder);
  await makeHidden(folder);
  return { readable: readable + 1, broken: await makeBroken(join(folder, 'broken')) };
}

/** One more picture, by a link to a file; and folders that lie in themselves. */
async function makeLinks(folder: string): Promise<void> {
  const links = join(folder, 'links');
  await mkdir(links);
  await symlink('../good/rgb.png', join(links, 'file.png'));
  await symlink('..', join(links, 'parent'));
  await symlink('.', join(links, 'self'));
  await symlink('../good', join(links, 'again'));
}

/** What is passed over without a word, or with one for all of a kind. */
async function makeHidden(folder: string): Promise<void> {
  const picture = await pngOf(16, 16, 4);
  await mkdir(join(folder, '.git'));
  for (const name of ['.git/hidden.png', '.hidden.png', 'Thumbs.db', 'notes.txt', 'README']) {
    await writeFile(join(folder, name), picture);
  }
}

async function makeBroken(folder: string): Promise<Record<string, RegExp>> {
  await mkdir(folder);
  const put = async (name: string, content: string | Uint8Array) =>
    await writeFile(join(folder, name), content);
  const jpeg = await readFile(join(READABLE, 'rgb.jpg'));
  await put('empty.png', '');
  await put('text.jpg', 'this is no picture');
  await put('drawing.png', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  await put('cut.jpg', jpeg.subarray(0, 0.6 * jpeg.length));
  await put('begin.jpg', jpeg.subarray(0, 3));
  await put('noise.webp', Buffer.from('RIFF\xff\xff\xff\xffWEBPVP8 noise', 'latin1'));
  await put('bomb.png', await bomb());
  await put('huge.tif', 'II*\0');
  await truncate(join(folder, 'huge.tif'), 2 ** 29); // takes no room on the disk
  await symlink('nowhere.jpg', join(folder, 'dangling.jpg'));
  await symlink('itself.jpg', join(folder, 'itself.jpg'));
  await symlink('/dev/zero', join(folder, 'device.jpg'));
  execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
  await makeSocket(join(folder, 'socket.jpg'));
  return {
    'broken/begin.jpg': /^damaged or unsupported jpeg$/,
    'broken/bomb.png': /pixels/,
    'broken/cut.jpg': /^damaged or unsupported jpeg$/,
    'broken/dangling.jpg': /leads nowhere/,
    'broken/device.jpg': /no file/,
    'broken/drawing.png': /^its content is no JPEG/,
    'broken/empty.png': /empty/,
    'broken/huge.tif': /more than 268 MB/,
    'broken/itself.jpg': /leads to itself/,
    'broken/noise.webp': /^damaged or unsupported webp$/,
    'broken/pipe.jpg': /no file/,
    'broken/socket.jpg': /no file/,
    'broken/text.jpg': /^its content is no JPEG/,
    ...(await makeUnreadable(folder)),
  };
}

/** A small file that says that it has 3.6 billion pixels, with the checksum of a right one. */
async function bomb(): Promise<Buffer> {
  const png = await pngOf(4, 4, 0);
  png.writeUInt32BE(60_000, 16);
  png.writeUInt32BE(60_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

async function makeSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  server.unref();
}

/** A file and a folder that may not be read; there are none for who may read everything. */
async function makeUnreadable(folder: string): Promise<Record<string, RegExp>> {
  if (process.getuid?.() === 0) return {};
  await writeFile(join(folder, 'secret.jpg'), 'secret', { mode: 0o000 });
  await mkdir(join(folder, 'closed'));
  await chmod(join(folder, 'closed'), 0o000);
  const denied = /permission denied/;
  return { 'broken/secret.jpg': denied, 'broken/closed/': denied };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , target = 'terrible-pictures'] = process.argv;
  await mkdir(target, { recursive: true });
  await makeTerriblePictures(target);
}

import { MocoError } from '../error.js';

/** By the system's error code. */
const REASONS: Record<string, [reason: string, hint: string]> = {
  ENOSPC: ['the disk is full', 'Free some space, or choose another folder.'],
  EDQUOT: ['the disk quota is used up', 'Free some space, or choose another folder.'],
  EFBIG: ['the file would exceed the size limit', 'Raise the limit (`ulimit -f`).'],
  EACCES: ['permission denied', 'Change its permissions, or choose another folder.'],
  ERR_ACCESS_DENIED: [
    "Node's permission model does not allow it",
    'Give Node --allow-fs-read and --allow-fs-write for the folder, or choose another one.',
  ],
  EPERM: ['not permitted', 'Change its permissions, or choose another folder.'],
  EROFS: ['the file system is read-only', 'Let it be written to again, or choose another folder.'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'Choose another folder.'],
  EEXIST: ['something else is in its place', 'Move it away, or choose another folder.'],
  EISDIR: ['a folder is in its place', 'Move it away, or choose another folder.'],
  ENOENT: ['the folder is not there', 'Make it, or choose another one.'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter path.'],
  EMFILE: ['too many open files', 'Raise the limit (`ulimit -n`).'],
  ENFILE: ['the system has too many open files', 'End other programs, or raise the limit.'],
  EIO: ['the disk reports an error', 'Check the disk, or choose another folder.'],
  ESTALE: ['the file server has lost it', 'Mount the folder again, or choose another one.'],
  ETIMEDOUT: ['the file server does not answer', 'Wait for it, or choose another folder.'],
};

/** A failed write as `ERR_MOCO_OUTPUT`: which path, why, and what to do. */
export function outputError(path: string, cause: unknown): MocoError {
  if (cause instanceof MocoError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const [reason, hint] = REASONS[code] ?? [String(cause), undefined];
  const detail = code in REASONS ? `${reason} (${code})` : reason;
  return new MocoError('ERR_MOCO_OUTPUT', `cannot write ${path}: ${detail}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

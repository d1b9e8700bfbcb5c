/** Node's flag that gives a permission, by the permission's name in errors. */
const FLAGS: Readonly<Record<string, string>> = {
  FileSystemRead: '--allow-fs-read',
  FileSystemWrite: '--allow-fs-write',
  ChildProcess: '--allow-child-process',
  WorkerThreads: '--allow-worker',
  Net: '--allow-net',
};

/**
 * What a user reads where Node's permission model denied something.
 * @returns undefined for every other error
 */
export function denied(error: unknown): { message: string; hint: string } | undefined {
  const { code, permission, resource } = Object(error) as NodeJS.ErrnoException & {
    permission?: string;
    resource?: string;
  };
  const flag = code === 'ERR_ACCESS_DENIED' ? FLAGS[permission ?? ''] : undefined;
  if (flag === undefined) return undefined;
  const isAboutFiles = permission?.startsWith('FileSystem') && resource;
  const given = isAboutFiles ? `${flag}=${resource}` : flag;
  return {
    message: `Node's permission model does not allow ${permission}${isAboutFiles ? ` of ${resource}` : ''}`,
    hint: `Give Node ${given}.`,
  };
}

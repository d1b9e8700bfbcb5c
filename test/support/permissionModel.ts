/** Node's flag that allows a program nothing but what further flags do. */
export const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

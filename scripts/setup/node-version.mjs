import { SetupFailure } from './failure.mjs';

const OLDEST = [20, 19];

/** Throws where Node is too old. */
export function checkNodeVersion(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new SetupFailure(
    `moco needs Node ${OLDEST.join('.')} or newer; this is Node ${version}.`,
    'Install a current Node: https://nodejs.org/en/download',
  );
}

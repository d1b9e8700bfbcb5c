import { SetupFailure } from './failure.mjs';

const OLDEST = [20, 19];

/** How to install Node, by system; older releases of these systems have a Node that is too old. */
const INSTALL = [
  'Debian 13 or newer: sudo apt-get install nodejs npm',
  'Fedora 41 or newer: sudo dnf install nodejs',
  'macOS:              brew install node',
  'Ubuntu and others:  nvm install 22   (nvm: https://github.com/nvm-sh/nvm)',
];

/** Throws where Node is too old. */
export function checkNodeVersion(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new SetupFailure(
    `moco needs Node ${OLDEST.join('.')} or newer; this is Node ${version}.`,
    INSTALL.join('\n'),
  );
}

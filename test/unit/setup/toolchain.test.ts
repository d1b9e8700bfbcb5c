import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '#moco/setup/host.js';
import { findToolchain } from '#moco/setup/toolchain.js';
import { bareHost, writeCommand } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const GCC = (version: string) => `echo "g++ (Debian ${version}) ${version}"`;

function writeTools(host: Host, tools: Record<string, string>): void {
  for (const [name, script] of Object.entries(tools)) writeCommand(host, name, script);
}

test('CMake, g++ and make are all that a build needs', (t) => {
  const host = bareHost(temporaryFolder(t));
  writeTools(host, { cmake: 'echo cmake version 3.18.4', 'g++': GCC('11.4.0'), make: '' });
  assert.equal(findToolchain(host).compiler, 'g++');
});

test('clang and ninja will do too', (t) => {
  const host = bareHost(temporaryFolder(t));
  writeTools(host, {
    cmake: 'echo cmake version 4.1.0',
    'clang++': 'echo Debian clang version 14.0.6',
    ninja: '',
  });
  assert.equal(findToolchain(host).compiler, 'clang++');
});

test('everything that is missing is named at once, with the commands that install it', (t) => {
  const host = bareHost(temporaryFolder(t));
  assert.throws(() => findToolchain(host), {
    code: 'ERR_MOCO_TOOLCHAIN',
    message:
      'The set-up needs CMake 3.18 or newer (not found); a C++20 compiler: g++ 11 or clang 14 or ' +
      'newer (not found); make or ninja (not found).',
    hint:
      'Debian, Ubuntu: sudo apt-get install cmake g++ make\n' +
      'Fedora:         sudo dnf install cmake gcc-c++ make\n' +
      'macOS:          brew install cmake && xcode-select --install',
  });
});

test('only what is missing is to be installed', (t) => {
  const host = bareHost(temporaryFolder(t));
  writeTools(host, { 'c++': GCC('12.2.0'), make: '' });
  assert.throws(() => findToolchain(host), {
    hint:
      'Debian, Ubuntu: sudo apt-get install cmake\n' +
      'Fedora:         sudo dnf install cmake\n' +
      'macOS:          brew install cmake',
  });
});

for (const version of ['2.8.12', '3.5.1', '3.17.9']) {
  test(`CMake ${version} is too old, and the error names it`, (t) => {
    const host = bareHost(temporaryFolder(t));
    writeTools(host, { cmake: `echo cmake version ${version}`, 'g++': GCC('12.2.0'), make: '' });
    assert.throws(() => findToolchain(host), { message: new RegExp(`found ${version}`) });
  });
}

test('compilers that are too old are named with their versions', (t) => {
  const host = bareHost(temporaryFolder(t));
  writeTools(host, {
    cmake: 'echo cmake version 3.25.1',
    'g++': GCC('9.4.0'),
    'clang++': 'echo Ubuntu clang version 10.0.0-4ubuntu1',
    make: '',
  });
  assert.throws(() => findToolchain(host), {
    message: /\(g\+\+ is g\+\+ 9, clang\+\+ is clang 10\)/,
  });
});

test('a newer compiler beside an old one is taken', (t) => {
  const host = bareHost(temporaryFolder(t));
  writeTools(host, {
    cmake: 'echo cmake version 3.25.1',
    'g++': GCC('9.4.0'),
    'g++-12': 'echo "g++-12 (Ubuntu 12.3.0-1ubuntu1~22.04) 12.3.0"',
    make: '',
  });
  assert.equal(findToolchain(host).compiler, 'g++-12');
});

test('$CXX decides, with a launcher before the compiler or without', (t) => {
  const host = bareHost(temporaryFolder(t), { CXX: 'ccache g++-13' });
  writeTools(host, {
    cmake: 'echo cmake version 3.25.1',
    'g++': GCC('12.2.0'),
    ccache: '[ "$1" = g++-13 ] && echo "g++-13 (GCC) 13.2.1 20240101"',
    make: '',
  });
  assert.equal(findToolchain(host).compiler, 'ccache g++-13');
});

test('a $CXX that is not there is an error that names it, even where another compiler is', (t) => {
  const host = bareHost(temporaryFolder(t), { CXX: 'g++-99' });
  writeTools(host, { cmake: 'echo cmake version 3.25.1', 'g++': GCC('12.2.0'), make: '' });
  assert.throws(() => findToolchain(host), { message: /not found; \$CXX is "g\+\+-99"/ });
});

test("macOS's stand-in for a compiler that is not installed is no compiler", (t) => {
  const host = bareHost(temporaryFolder(t));
  writeTools(host, { cmake: 'echo cmake version 3.25.1', 'c++': 'exit 1', make: '' });
  assert.throws(() => findToolchain(host), { message: /C\+\+20 compiler.*\(not found\)/ });
});

/** The README of a platform package, from its package.json and the symbols that it asks for. */
export function readme({ name, os, cpu }, { GLIBC, GLIBCXX }, libtorch) {
  const minor = libtorch.split('.').slice(0, 2).join('.');
  return `# ${name}

The native addon of moco-node for ${os}-${cpu}, built for LibTorch ${minor}.
It is an optional dependency of moco-node, which uses it in place of a compiler; nobody else has a use for it.

Needed are glibc ${GLIBC} or newer, and a libstdc++ that has GLIBCXX_${GLIBCXX}. Where the system's are older, moco-node
builds the addon itself.
`;
}

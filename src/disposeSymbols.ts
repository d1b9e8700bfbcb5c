/**
 * Gives a realm the symbols of `using` where it has none: Node 20 and 22 give them to their main
 * realm alone, and not to a `vm` context, such as that of a test in Jest. To be imported before all
 * else, since classes take the symbols when they are defined.
 */
for (const name of ['dispose', 'asyncDispose'] as const) {
  if (name in Symbol) continue;
  Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`) });
}

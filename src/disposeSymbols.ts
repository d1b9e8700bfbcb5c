import { Readable } from 'node:stream';

/**
 * Gives a realm the symbols of `using` where it has none: Node 20 and 22 give them to their main
 * realm alone, and not to a `vm` context, such as that of a test in Jest. Node's own objects, such as
 * file handles, are disposed of by the symbols of the main realm, which are therefore taken. To be
 * imported before all else, since classes take the symbols when they are defined.
 */
const timer = setTimeout(() => {});
clearTimeout(timer);
const owners = { dispose: Object.getPrototypeOf(timer), asyncDispose: Readable.prototype };

for (const [name, owner] of Object.entries(owners)) {
  if (name in Symbol) continue;
  const symbols = Object.getOwnPropertySymbols(owner);
  const value = symbols.find(({ description }) => description?.endsWith(`.${name}`));
  Object.defineProperty(Symbol, name, { value: value ?? Symbol(`Symbol.${name}`) });
}

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  createContext,
  type Module,
  runInNewContext,
  SourceTextModule,
  SyntheticModule,
} from 'node:vm';

/** What programs find in their realm that is Node's and not the language's, such as `fetch`. */
function hostGlobals(): Record<string, unknown> {
  const ofLanguage: string[] = runInNewContext('Object.getOwnPropertyNames(globalThis)');
  const names = Object.getOwnPropertyNames(globalThis).filter((name) => !ofLanguage.includes(name));
  return Object.fromEntries(
    names.map((name) => [name, globalThis[name as keyof typeof globalThis]]),
  );
}

/**
 * Imports a module of ours and all that it imports of ours in a realm of its own, with another
 * `Error`, `Map` and `Object`, as Jest does. Packages and Node's modules stay those of this realm.
 * Node must run with `--experimental-vm-modules`.
 */
export async function importInOtherRealm(url: string): Promise<Record<string, unknown>> {
  const context = createContext(hostGlobals());
  const modules = new Map<string, Promise<Module>>();

  const load = (at: string): Promise<Module> => {
    const loading = modules.get(at) ?? make(at);
    modules.set(at, loading);
    return loading;
  };
  const make = async (at: string): Promise<Module> => {
    if (!at.startsWith('file:')) return borrowed(await import(at));
    const source = readFileSync(fileURLToPath(at), 'utf8');
    return new SourceTextModule(source, {
      context,
      identifier: at,
      initializeImportMeta: (meta) => Object.assign(meta, { url: at }),
    });
  };
  const borrowed = (namespace: Record<string, unknown>) => {
    const names = Object.keys(namespace);
    return new SyntheticModule(
      names,
      function () {
        for (const name of names) this.setExport(name, namespace[name]);
      },
      { context },
    );
  };

  const module = await load(url);
  await module.link((specifier, { identifier }) =>
    load(specifier.startsWith('.') ? new URL(specifier, identifier).href : specifier),
  );
  await module.evaluate();
  return module.namespace as Record<string, unknown>;
}

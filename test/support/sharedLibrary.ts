import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Compiles a shared library.
 * @param options what else the compiler is told, such as the libraries that it is linked with
 */
export function compileLibrary(file: string, source: string, options: string[] = []): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.cc`, source);
  const compiler = process.env.CXX ?? 'c++';
  execFileSync(compiler, ['-shared', '-fPIC', '-o', file, `${file}.cc`, ...options]);
}

/** An addon of Node's that exports nothing. */
export const EMPTY_ADDON =
  'extern "C" void* napi_register_module_v1(void*, void* exports) { return exports; }';

// What `ptxas -v` prints about each kernel.

const ENTRY = /Compiling entry function '([^']+)' for '([^']+)'/;
const SPILLS = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/;
const USED = /Used (\d+) registers/;
const SHARED = /(\d+) bytes smem/;

/**
 * The kernels in the output of `ptxas -v`, in its order, one for each architecture.
 * @param {string} text
 * @returns {{ symbol: string, architecture: string, registers: number, stack: number,
 *   spills: number, shared: number }[]} bytes of the stack, of what is stored to and loaded from it
 *   for want of registers, and of static shared memory
 */
export function parsePtxas(text) {
  const kernels = [];
  for (const line of text.split('\n')) {
    const entry = line.match(ENTRY);
    if (entry) {
      const [, symbol, architecture] = entry;
      kernels.push({ symbol, architecture, registers: 0, stack: 0, spills: 0, shared: 0 });
      continue;
    }
    const kernel = kernels.at(-1);
    if (!kernel) continue;
    const spills = line.match(SPILLS);
    if (spills) {
      kernel.stack = Number(spills[1]);
      kernel.spills = Number(spills[2]) + Number(spills[3]);
    }
    const used = line.match(USED);
    if (used) {
      kernel.registers = Number(used[1]);
      kernel.shared = Number(line.match(SHARED)?.[1] ?? 0);
    }
  }
  return kernels;
}

/**
 * A kernel's name as a person reads it, without namespaces and parameters.
 * @param {string} demangled  such as `void moco::cuda::apply<(moco::Epilogue)1, float, 4>(float*)`
 */
export function shortName(demangled) {
  const signature = demangled.replaceAll('(anonymous namespace)::', '').replace(/^void /, '');
  const beforeParameters = signature.slice(0, parametersOf(signature));
  const [, name, template = ''] = beforeParameters.match(/([A-Za-z_]\w*)(<.*>)?$/) ?? [];
  if (!name) return demangled;
  const values = template.replace('(moco::Epilogue)', 'epilogue ').replace('__nv_bfloat16', 'bf16');
  return name + values;
}

/** Where the parenthesis opens that closes at the end: template arguments may have some, too. */
function parametersOf(signature) {
  let depth = 0;
  for (let at = signature.length - 1; at >= 0; at--) {
    if (signature[at] === ')') depth += 1;
    if (signature[at] === '(') depth -= 1;
    if (depth === 0) return at;
  }
  return 0;
}

/** What lies beside a file while it is written block by block: its bytes, and their journal. */
export function partialPaths(target: string): { readonly part: string; readonly journal: string } {
  return { part: `${target}.part`, journal: `${target}.part.jsonl` };
}

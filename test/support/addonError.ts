/** An error as the addon makes it: not a `MocoError`, but with its fields. */
export function addonError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, hint: `about ${code}` });
}

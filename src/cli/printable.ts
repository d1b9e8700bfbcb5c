/** Makes a line harmless: names of files may hold what a terminal takes as commands. */
export function printable(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}

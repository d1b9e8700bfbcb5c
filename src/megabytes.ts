/** A number of bytes in megabytes, for messages: `532 MB`. */
export function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

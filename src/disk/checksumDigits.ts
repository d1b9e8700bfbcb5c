/** A CRC-32 as eight hexadecimal digits. */
export function checksumDigits(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

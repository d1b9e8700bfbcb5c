import type { FeatureDtype } from './featureTensors.js';

/** The numbers in some bytes of features. @param bytes a buffer of their own, from its start */
export function numbersOf({ buffer, byteLength }: Uint8Array, dtype: FeatureDtype): Float32Array {
  if (dtype === 'F32') return new Float32Array(buffer, 0, byteLength / 4);
  return Float32Array.from(new Uint16Array(buffer, 0, byteLength / 2), halfNumber);
}

/** The number that the bits of a 16-bit float (IEEE 754 binary16) stand for. */
function halfNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction > 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

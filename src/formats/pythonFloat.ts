/**
 * A float as Python's `repr` spells it, and with it pandas' CSV and the reference's file names:
 * `1` is `1.0`, `0.00001` is `1e-05`. Both languages print the shortest digits that read back as
 * the same double; they differ in when they use an exponent and in how they write it.
 */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [digits, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${digits}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const plain = plainDecimal(digits.replace('-', '').replace('.', ''), exponent);
  return value < 0 ? `-${plain}` : plain;
}

/** `digits` with the decimal point after digit number `exponent + 1`. */
function plainDecimal(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${whole}.${digits.slice(exponent + 1) || '0'}`;
}

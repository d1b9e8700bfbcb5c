/** A duration in its two largest units: `2 h 5 min`, `3 min 20 s`, `8 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** A rate: `512 pictures/s`; a slow one with a decimal. */
export function rate(picturesPerSecond: number): string {
  const digits = picturesPerSecond < 10 ? 1 : 0;
  return `${picturesPerSecond.toFixed(digits)} pictures/s`;
}

/** Per cent with two decimals: `45.68 %`. */
export function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

/** Bytes in the unit that suits them: `1.5 GiB`, `20 MiB`. */
export function gibibytes(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1024 ? `${mebibytes.toFixed(0)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

/** A number with its noun: `1 step`, `2 steps`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

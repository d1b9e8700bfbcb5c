/** A value as a person would type it, cut to one short line. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : plainText(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function plainText(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (isThenable(value)) return 'a promise: is an `await` missing?';
  if (Array.isArray(value)) {
    return value.some(isThenable) ? 'a list with a promise: is an `await` missing?' : 'a list';
  }
  return isPlainObject(value) ? 'an object' : instanceText(value);
}

/**
 * Whether a value is an object as `{…}` makes it, in whatever realm, or one without a prototype. A
 * `Map`, a promise or an instance of a class is none: its content is not in its own keys.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isThenable(value: unknown): boolean {
  const { then } = (value ?? {}) as { then?: unknown };
  return typeof then === 'function';
}

/** `a Map`, `an Error`; of a class without a name, `an instance of a class`. */
function instanceText(value: object): string {
  const { name = '' }: { name?: unknown } = value.constructor ?? {};
  if (typeof name !== 'string' || name === '') return 'an instance of a class';
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

import { types } from 'node:util';

const CODES = [
  'ERR_MOCO_ABORTED',
  'ERR_MOCO_CHECKPOINT',
  'ERR_MOCO_CONFIG',
  'ERR_MOCO_DATA',
  'ERR_MOCO_DEVICE',
  'ERR_MOCO_DISPOSED',
  'ERR_MOCO_LIBTORCH_MISMATCH',
  'ERR_MOCO_LIBTORCH_NOT_FOUND',
  'ERR_MOCO_LIMIT',
  'ERR_MOCO_NATIVE',
  'ERR_MOCO_NATIVE_MISSING',
  'ERR_MOCO_NETWORK',
  'ERR_MOCO_NON_FINITE',
  'ERR_MOCO_OUTPUT',
  'ERR_MOCO_OUT_OF_MEMORY',
  'ERR_MOCO_PEER',
  'ERR_MOCO_TOOLCHAIN',
] as const;

/** What went wrong, for programs to tell apart. */
export type MocoErrorCode = (typeof CODES)[number];

/**
 * Every failure that a user can meet. The message names the value and the place, `hint` says what
 * to do about it.
 */
export class MocoError extends Error {
  override readonly name = 'MocoError';
  readonly code: MocoErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: MocoErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  /**
   * The `MocoError` that an error of the addon stands for: a plain `Error` whose `code` is one of
   * ours and which mostly carries a `hint`. Throws anything else unchanged, since that is a defect
   * and not the user's to solve.
   */
  static from(error: unknown): MocoError {
    if (error instanceof MocoError) return error;
    if (!isError(error) || !('code' in error) || !isCode(error.code)) throw error;
    const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
    return new MocoError(error.code, error.message, { hint, cause: error });
  }
}

/**
 * Whether something is an error of any realm: in Jest, or in a `vm` context, those of Node and of the
 * addon are no instances of the `Error` that is there.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value); // the latter knows no DOMException
}

function isCode(code: unknown): code is MocoErrorCode {
  return CODES.some((known) => known === code);
}

/** Several things to try as one hint: a numbered list. */
export function numbered(solutions: readonly string[]): string {
  if (solutions.length === 1) return `${solutions[0]}`;
  return solutions.map((solution, index) => `${index + 1}. ${solution}`).join('\n');
}

import { MocoError } from '../error.js';
import { quoted } from '../formats/formatError.js';
import type { StoredTensor } from '../formats/tensorFile.js';
import { architectureTitle } from './architecture.js';
import type { FoundEncoder } from './encoderCandidates.js';

/** An encoder that was chosen, and those that were not. */
export interface Choice {
  readonly encoder: FoundEncoder;
  /** Momentum copies of it. */
  readonly copies: readonly FoundEncoder[];
}

/** How many encoders an error lists. */
const LISTED = 8;

/**
 * What the slowly moving copy of an encoder is called: MoCo's `encoder_k`, BYOL's `target_net`,
 * `momentum_encoder` … Papers and frameworks measure the other one. Not so `teacher` and `ema`:
 * there it is the copy that DINO and timm measure.
 */
const COPY = /(^|[._])(k|key|target|momentum)([._]|$)/;

/**
 * Chooses among the encoders of a file: the one under the prefix, the only one, or the one whose
 * others are its momentum copies. Encoders that share all their tensors are one.
 * @param prefix where the user says that it is
 * @throws MocoError `ERR_MOCO_CHECKPOINT` where several remain: it lists them
 */
export function chooseEncoder(
  path: string,
  found: readonly FoundEncoder[],
  prefix: string | undefined,
): Choice | undefined {
  const exact = found.find((encoder) => encoder.prefix === withDot(prefix));
  if (exact !== undefined) return { encoder: exact, copies: [] };
  const distinct = withoutAliases(found);
  const copies = distinct.filter((encoder) => COPY.test(encoder.prefix));
  const others = distinct.filter((encoder) => !copies.includes(encoder));
  const [encoder, ...more] = others.length === 0 ? distinct : others;
  if (more.length > 0) throw severalEncoders(path, distinct);
  return encoder && { encoder, copies: copies.filter((copy) => copy !== encoder) };
}

/** A prefix as names begin with it. */
export function withDot(prefix: string | undefined): string | undefined {
  return prefix === undefined || prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
}

/** A prefix as it is typed, on one line that no terminal interprets. */
export function typedPrefix(prefix: string): string {
  const typed = prefix.replace(/\.$/, '');
  return /^[\w.-]+$/.test(typed) ? typed : quoted(typed);
}

function severalEncoders(path: string, found: readonly FoundEncoder[]): MocoError {
  const lines = found.slice(0, LISTED).map(({ prefix, kind: { arch, stem, width } }) => {
    return `  --prefix ${typedPrefix(prefix)}   ${architectureTitle(arch, width)} with the ${stem} stem`;
  });
  const more = found.length > LISTED ? [`  … (${found.length} in all)`] : [];
  const message = `${path} holds several encoders:`;
  return new MocoError('ERR_MOCO_CHECKPOINT', [message, ...lines, ...more].join('\n'), {
    hint: 'Pass one of these flags.',
  });
}

/** Leaves out encoders whose tensors all lie where those of an earlier one do. */
function withoutAliases(found: readonly FoundEncoder[]): FoundEncoder[] {
  const firstAt = new Map<string, FoundEncoder>();
  for (const encoder of found) {
    const places = encoder.backbone.map(place).sort().join(' ');
    if (!firstAt.has(places)) firstAt.set(places, encoder);
  }
  return [...firstAt.values()];
}

function place({ name, storage, firstElement }: StoredTensor): string {
  return `${name}:${storage.offset}:${firstElement}`;
}

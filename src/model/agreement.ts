import { isDeepStrictEqual } from 'node:util';
import { MocoError } from '../error.js';

/**
 * Makes sure that nothing is said of a model's use that its file says otherwise.
 * @param given what the configuration says
 * @param known what the file says
 * @throws MocoError `ERR_MOCO_CONFIG` that lists what differs
 */
export function requireAgreement(
  given: object,
  known: Partial<Readonly<Record<string, unknown>>>,
  path: string,
): void {
  const differing = Object.entries(given).filter(
    ([key, value]) => !isDeepStrictEqual(value, known[key]),
  );
  if (differing.length === 0) return;
  const lines = differing.map(
    ([key, value]) =>
      `  ${key}: ${JSON.stringify(value)}, in the file ${JSON.stringify(known[key])}`,
  );
  throw new MocoError(
    'ERR_MOCO_CONFIG',
    `${path} says how it is to be used, and the configuration says otherwise:\n${lines.join('\n')}`,
    { hint: 'Leave these keys out: what the file says is taken.' },
  );
}

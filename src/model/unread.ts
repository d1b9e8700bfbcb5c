import { quoted } from '../formats/formatError.js';
import type { OpaqueValues, TensorFile } from '../formats/tensorFile.js';

/** How many sorts of values a message lists. */
const LISTED = 3;

/**
 * What of a file is not read and may be what its user means, as lines below a message: models that
 * were pickled whole, and where there are no tensors, anything.
 */
export function unreadLines({ opaque, tensors }: TensorFile): string[] {
  return opaque
    .filter(({ kind }) => kind === 'module' || tensors.length === 0)
    .slice(0, LISTED)
    .map(unreadLine);
}

function unreadLine({ what, places: [place = ''], count, kind }: OpaqueValues): string {
  const more = count > 1 ? ` … (${count} places)` : '';
  const whole = kind === 'module' ? ', a model that was pickled whole' : '';
  return `  not read: ${what}${whole}: ${quoted(place)}${more}`;
}

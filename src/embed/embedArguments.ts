import { z } from 'zod';
import * as check from '../arguments/check.js';
import { isPictureInput } from './pictureInput.js';

/** What a picture may be, for messages. */
export const PICTURE = 'a path, a file: URL, bytes, a stream of bytes or raw pixels';

/** The check of a picture. */
export const aPicture = z.custom(isPictureInput, PICTURE);

/** The checks of `EmbedOptions`. */
export const EMBED_OPTIONS = {
  normalize: check.flag,
  output: check.oneOf(['features', 'projection']),
  dtype: check.oneOf(['fp32', 'fp16']),
  signal: check.signal,
};

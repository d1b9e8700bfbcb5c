import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { type EmbedConfigInput, embedCommand } from '../config/embedConfig.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import { type ProgressListener, whileListening } from '../download/whileListening.js';
import type { InputOptions } from '../pictures/input.js';
import type { PicturesProgress } from '../pictures/reports.js';
import type { EmbedListener, EmbedResult } from './embedEvents.js';
import { embedInto } from './embedInto.js';
import { findPictures } from './findPictures.js';
import { loadFor } from './loadFor.js';
import { OutputFiles } from './outputFiles.js';

export interface EmbedPicturesOptions extends InputOptions {
  /** Called at the start, and with each warning; the embedding waits for what it returns. */
  readonly onEvent?: EmbedListener | undefined;
  /** Called a few times a second; what it throws ends the embedding. */
  readonly onProgress?: ProgressListener<PicturesProgress> | undefined;
}

const ARGUMENTS = {
  options: check.options<EmbedPicturesOptions>({
    onEvent: check.callback,
    onProgress: check.callback,
    onDownload: check.callback,
    onPack: check.callback,
    signal: check.signal,
  }),
};

/**
 * Writes the features of pictures into a file: of folders, which are read as they are, of a packed
 * file or of a data set that has a name. A call that was ended goes on the next time, and gives the
 * same file as one that was not, bit for bit.
 * @param config what differs from the defaults
 * @throws MocoError `ERR_MOCO_CONFIG`, `_CHECKPOINT`, `_DATA`, `_OUTPUT` also where the file is there
 * already or another process writes it, `_NETWORK`, `_DEVICE`, `_NATIVE_MISSING`, `_OUT_OF_MEMORY`,
 * `_NON_FINITE`; `_ABORTED` after the signal
 */
export async function embedPictures(
  config: EmbedConfigInput,
  options: EmbedPicturesOptions = {},
): Promise<EmbedResult> {
  check.requireArguments('embedPictures', ARGUMENTS, { options });
  const given = parseConfig(embedCommand, config);
  throwIfAborted(options.signal, 'the embedding');
  const settings = withAbsolutePaths(embedCommand, given);
  const { onEvent, onProgress, ...inputOptions } = options;
  const output = await OutputFiles.claim(settings, onEvent, options.signal);
  try {
    const found = await findPictures(settings, inputOptions);
    await using encoder = await loadFor(settings, found.input, options.signal, found.side);
    const source = await found.open(encoder.description.side);
    const request = { config: given, settings, encoder, source, output, onEvent };
    return await whileListening(onProgress, options.signal, (tell, signal) =>
      embedInto(request, { tell, signal }),
    );
  } finally {
    output.release();
  }
}

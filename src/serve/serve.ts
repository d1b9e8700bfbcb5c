import * as check from '../arguments/check.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import { type ServeConfigInput, serveCommand } from '../config/serveConfig.js';
import type { EncoderDescription } from '../embed/encoder.js';
import { configuredToken } from './bearerToken.js';
import { requireLibraries } from './libraries.js';
import { loadServed, type Served } from './served.js';
import { type Listening, startServer } from './server.js';

export interface ServeOptions {
  /** Ends the loading; a service that runs is ended by `close`. */
  readonly signal?: AbortSignal | undefined;
  /** Called with every failure of the service's own, of which its client is told nothing. */
  readonly onFailure?: ((failure: unknown) => void) | undefined;
}

/** A service that answers requests. */
export interface RunningService extends AsyncDisposable {
  /** Where it listens, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly encoder: EncoderDescription;
  /** What the user should know, one line each. */
  readonly notices: readonly string[];
  /** Lets no request in any more, finishes those that were begun, and frees all memory. */
  close(): Promise<void>;
}

const ARGUMENTS = {
  options: check.options<ServeOptions>({ signal: check.signal, onFailure: check.callback }),
};

/**
 * Offers an encoder, and an index to search in, over HTTP.
 * @param config what differs from the defaults
 * @throws MocoError as `loadEncoder` and `NeighbourIndex.load`, and `ERR_MOCO_CONFIG` where the service
 *   cannot listen, the token is no good, or a library is not installed
 */
export async function serve(
  config: ServeConfigInput,
  options: ServeOptions = {},
): Promise<RunningService> {
  check.requireArguments('serve', ARGUMENTS, { options });
  const settings = withAbsolutePaths(serveCommand, parseConfig(serveCommand, config));
  const token = await configuredToken(settings.tokenFile, process.env);
  await requireLibraries(); // before anything that takes time
  const served = await loadServed(settings, options.signal);
  try {
    const server = await startServer(settings, { ...served, token }, options.onFailure);
    return running(served, server);
  } catch (error) {
    await served[Symbol.asyncDispose]();
    throw error;
  }
}

function running(served: Served, { url, notices, close: closeServer }: Listening): RunningService {
  const { description } = served.encoder;
  const close = async () => {
    await closeServer();
    await served[Symbol.asyncDispose]();
  };
  return {
    ...{ url, close, [Symbol.asyncDispose]: close },
    encoder: description,
    notices: [...served.notices, ...notices],
  };
}

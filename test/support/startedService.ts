import type { TestContext } from 'node:test';
import { parseConfig } from '#moco/config/resolve.js';
import { type ServeConfigInput, serveCommand } from '#moco/config/serveConfig.js';
import type { SearchIndex } from '#moco/serve/searchIndex.js';
import { type Listening, startServer } from '#moco/serve/server.js';
import { type EncoderScript, ServiceEncoderDouble } from './serviceDouble.js';

/** A service with an encoder's double, on a port of its own. */
export interface StartedService extends Listening {
  readonly encoder: ServiceEncoderDouble;
  /** Failures of the service's own. */
  readonly failures: unknown[];
}

interface Settings extends ServeConfigInput {
  readonly script?: EncoderScript;
  readonly searched?: SearchIndex;
  readonly token?: string;
}

/** Starts a service that is closed after the test. */
export async function startedService(
  context: TestContext,
  { script, searched: index, token, ...config }: Settings = {},
): Promise<StartedService> {
  const encoder = new ServiceEncoderDouble(script);
  const failures: unknown[] = [];
  const settings = parseConfig(serveCommand, { port: 0, ...config });
  const listening = await startServer(settings, { encoder, index, token }, (failure) =>
    failures.push(failure),
  );
  context.after(() => listening.close());
  return { ...listening, encoder, failures };
}

import type { ServiceLimits } from '../config/serveConfig.js';
import type { Encoder } from '../embed/encoder.js';
import type { SearchIndex } from './searchIndex.js';

/** What a service in one's own Fastify works with. */
export interface ServiceOptions {
  /** From `loadEncoder`; whoever has made it disposes of it, after the service is closed. */
  readonly encoder: Encoder;
  /** Of features of that encoder's backbone; without it, `POST /search` answers 404. */
  readonly index?: SearchIndex | undefined;
  /** What requests must bear, as `Authorization: Bearer <token>`; without it, all are answered. */
  readonly token?: string | undefined;
  /** What differs from the defaults, which `moco serve --help` lists. */
  readonly limits?: Partial<ServiceLimits> | undefined;
}

import type { ServiceLimits } from '../config/serveConfig.js';
import type { Encoder } from '../embed/encoder.js';
import type { Admission } from './admission.js';
import type { Metrics } from './metrics.js';
import type { SearchIndex } from './searchIndex.js';

/** What the routes of a service share. */
export interface Service {
  readonly encoder: Encoder;
  readonly index: SearchIndex | undefined;
  readonly limits: ServiceLimits;
  readonly admission: Admission;
  readonly metrics: Metrics;
  /** Throws RequestError 401 where the header `Authorization` does not have the token. */
  readonly authorize: (authorization: string | undefined) => void;
}

import { isError, MocoError, type MocoErrorCode } from '../error.js';

/** What a program that calls the service can tell apart. */
export type RequestErrorCode =
  | 'aborted'
  | 'busy'
  | 'draining'
  | 'internal'
  | 'invalid_request'
  | 'method_not_allowed'
  | 'no_index'
  | 'not_acceptable'
  | 'not_found'
  | 'timeout'
  | 'too_large'
  | 'unauthorized'
  | 'unreadable_picture'
  | 'unsupported_media_type';

/** The body of every answer that is an error. */
export interface ErrorAnswer {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** A request that is refused, or whose work has failed. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(
    readonly status: number,
    readonly code: RequestErrorCode,
    message: string,
    readonly options: {
      readonly hint?: string | undefined;
      readonly headers?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
  }

  get body(): ErrorAnswer {
    const { code, message, options } = this;
    const { hint } = options;
    return { error: { code, message, ...(hint !== undefined && { hint }) } };
  }
}

/** A hint of errors about what a request has. */
export const SEE_DOCUMENT = 'GET /openapi.json says what a request may have.';

/** A refusal for now: the client may come again after some seconds. */
export function unavailable(
  code: 'busy' | 'draining' | 'timeout',
  message: string,
  hint: string,
): RequestError {
  return new RequestError(503, code, message, { hint, headers: { 'retry-after': '1' } });
}

/** What of the encoder's and the index's errors is the request's; all others are the service's. */
const OF_REQUESTS: Partial<Record<MocoErrorCode, readonly [number, RequestErrorCode]>> = {
  ERR_MOCO_CONFIG: [400, 'invalid_request'],
  ERR_MOCO_DATA: [422, 'unreadable_picture'],
};

/** Errors of memory pass; a client may come again. */
const PASSING: readonly MocoErrorCode[] = ['ERR_MOCO_LIMIT', 'ERR_MOCO_OUT_OF_MEMORY'];

/** By the status of a client's error that Fastify found: what stands for it here, and what to do. */
const BY_STATUS: Readonly<Record<number, readonly [code: RequestErrorCode, hint: string]>> = {
  408: ['timeout', 'Send the whole request at once.'],
  413: ['too_large', 'Send several requests, or smaller pictures.'],
  415: [
    'unsupported_media_type',
    'Send multipart/form-data, image/…, application/octet-stream or application/json.',
  ],
};

/** The refusal that an error stands for, whoever threw it. */
export function requestErrorOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof MocoError) return ofMoco(error);
  const status = isError(error) && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status < 400 || status >= 500) return internal(error);
  const [code, hint] = BY_STATUS[status] ?? ['invalid_request', SEE_DOCUMENT];
  return new RequestError(status, code, (error as Error).message, { hint, cause: error });
}

function ofMoco(error: MocoError): RequestError {
  const { code, message, hint } = error;
  const known = OF_REQUESTS[code];
  if (known) return new RequestError(...known, message, { hint, cause: error });
  if (!PASSING.includes(code)) return internal(error);
  return unavailable('busy', message, hint ?? 'Try again later, with fewer or smaller pictures.');
}

/** Nothing of a failure of the service's own is told to a client: whoever runs it reads it. */
function internal(cause: unknown): RequestError {
  return new RequestError(500, 'internal', 'the service has failed at this request', {
    hint: 'Whoever runs the service finds the reason in its output.',
    cause,
  });
}

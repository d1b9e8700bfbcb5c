import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { MocoError } from '../error.js';
import { RequestError } from './requestError.js';

const LEAST_LENGTH = 16;

const HINT = 'Make one: openssl rand -hex 32';

/**
 * The token that requests must bear: of the file, else of `MOCO_TOKEN`. Neither is a flag, since all
 * users of a machine see the flags of its processes.
 * @returns undefined where there is none
 * @throws MocoError `ERR_MOCO_CONFIG` for a file that cannot be read, and for a token that is no good
 */
export async function configuredToken(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const place = file ?? 'MOCO_TOKEN';
  const token = file === undefined ? environment.MOCO_TOKEN : await tokenIn(file);
  if (token !== undefined) requireToken(token, place);
  return token;
}

/** @throws MocoError `ERR_MOCO_CONFIG` where a text is too short for a token, or no header has it */
export function requireToken(token: string, place: string): void {
  const problem =
    token.length < LEAST_LENGTH
      ? `expected a token of at least ${LEAST_LENGTH} characters, given ${token.length}`
      : /[^\x21-\x7e]/.test(token)
        ? 'expected a token of visible ASCII characters, without spaces'
        : undefined;
  if (problem === undefined) return;
  throw new MocoError('ERR_MOCO_CONFIG', `${place}: ${problem}`, { hint: HINT });
}

async function tokenIn(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const { message } = cause as Error;
    throw new MocoError('ERR_MOCO_CONFIG', `the file of the token cannot be read: ${message}`, {
      hint: HINT,
      cause,
    });
  }
}

/**
 * Checks the header `Authorization` of requests.
 * @returns throws RequestError 401 unless the header has the token; how long that takes tells nothing
 */
export function tokenCheck(token: string): (authorization: string | undefined) => void {
  const expected = digest(`Bearer ${token}`);
  return (authorization = '') => {
    const given = authorization.replace(/^bearer /i, 'Bearer '); // of any case: RFC 9110, 11.1
    if (timingSafeEqual(digest(given), expected)) return;
    throw new RequestError(401, 'unauthorized', 'the request does not bear the token', {
      hint: 'Send the header Authorization: Bearer <token>.',
      headers: { 'www-authenticate': 'Bearer' },
    });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

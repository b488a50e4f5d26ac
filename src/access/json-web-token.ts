/**
 * JSON Web Tokens (RFC 7519), which somebody else has signed: what they allow stands in them, and nobody is asked. Each
 * key of the set serves one algorithm, the one that follows from its own type, whatever a token says of itself.
 */

import { calculateJwkThumbprint, decodeProtectedHeader, errors, importJWK, type JWK, jwtVerify } from 'jose';
import type { FailedOutcome } from '../kv/outcome.ts';
import { type Grant, isPrefix, prefixesMax, prefixesOf } from './grant.ts';
import { type JwtSettings, UnusableKeys } from './jwt-settings.ts';

type VerifyingKey = {
  readonly id: string | undefined;
  readonly algorithm: string;
  readonly key: Exclude<Awaited<ReturnType<typeof importJWK>>, undefined>;
  readonly thumbprint: string;
};

/** RFC 7518, 3.2: a key of the size of the hash or larger. */
const secretBytesMin = 32;
/** RFC 7518, 3.3. */
const modulusBytesMin = 256;

const unknown = refused('The token was not signed with a known key, or is not a token.');
const expired = refused('The token has expired, or is not valid yet.');

export class JwtVerifier {
  readonly #keys: readonly VerifyingKey[];
  readonly #audiences: readonly string[];

  private constructor(keys: readonly VerifyingKey[], audiences: readonly string[]) {
    this.#keys = keys;
    this.#audiences = audiences;
  }

  /** @throws UnusableKeys */
  static async of({ keys, audiences }: JwtSettings): Promise<JwtVerifier> {
    return new JwtVerifier(await Promise.all(keysIn(keys).map(verifyingKeyOf)), audiences);
  }

  get authorities(): readonly string[] {
    return this.#keys.map(({ thumbprint }) => thumbprint);
  }

  async verify(token: string, nowMs: number): Promise<Grant | FailedOutcome> {
    const key = this.#keyFor(token);
    if (key === undefined) return unknown;
    try {
      const { payload } = await jwtVerify(token, key.key, {
        algorithms: [key.algorithm],
        requiredClaims: ['exp'],
        currentDate: new Date(nowMs),
        ...(this.#audiences.length > 0 && { audience: [...this.#audiences] }),
      });
      // RFC 7519, 4.1.3: a token for somebody else is to be rejected.
      if (payload.aud !== undefined && this.#audiences.length === 0) return wrongAudience;
      return grantOfClaims(payload, key.thumbprint);
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      return refusalOf(error);
    }
  }

  /** Undefined too when a token without a key id could be of several keys. */
  #keyFor(token: string): VerifyingKey | undefined {
    const header = headerOf(token);
    const fitting = this.#keys.filter(
      ({ id, algorithm }) => algorithm === header?.alg && (header.kid === undefined || id === header.kid),
    );
    return fitting.length === 1 ? fitting[0] : undefined;
  }
}

const wrongAudience = refused('The token is for another audience.');

/** Only what a true signature has vouched for is told in detail: jose looks at the claims after it. */
function refusalOf(error: errors.JOSEError): FailedOutcome {
  if (error instanceof errors.JWTExpired) return expired;
  if (!(error instanceof errors.JWTClaimValidationFailed)) return unknown;
  if (error.claim === 'aud') return wrongAudience;
  if (error.claim === 'exp') return refused('The token has no expiry time (exp).');
  return expired;
}

function headerOf(token: string): { readonly alg?: unknown; readonly kid?: unknown } | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * `scope` (RFC 8693, 4.2) has the words `kv:read` and `kv:write`; `kv_prefixes` is a list of texts. A token with
 * neither word is of somebody who is known, and may do nothing.
 */
function grantOfClaims(claims: Claims, thumbprint: string): Grant | FailedOutcome {
  const { sub, exp, scope = '', kv_prefixes: prefixes = [] } = claims;
  if (typeof scope !== 'string') return refused('The claim scope of the token must be a string.');
  const isList = Array.isArray(prefixes) && prefixes.every((one) => typeof one === 'string' && isPrefix(one));
  // An empty list would stand for every key: whoever wrote it meant none.
  const isMeant = claims['kv_prefixes'] === undefined || (isList && prefixes.length > 0);
  if (!isList || !isMeant || prefixes.length > prefixesMax) {
    return refused(`The claim kv_prefixes of the token must be a list of 1 to ${prefixesMax} prefixes of keys.`);
  }
  const words = scope.split(' ');
  return {
    kind: 'grant',
    name: typeof sub === 'string' ? `subject ${sub}` : `key ${thumbprint}`,
    authority: thumbprint,
    read: words.includes('kv:read'),
    write: words.includes('kv:write'),
    prefixes: prefixesOf(prefixes as string[]),
    expiresAtMs: (exp as number) * 1_000,
  };
}

function refused(detail: string): FailedOutcome {
  return { kind: 'failed', code: 'token-invalid', detail };
}

/** @throws UnusableKeys */
function keysIn(text: string): readonly JWK[] {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch (error) {
    throw new UnusableKeys(`it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const keys = (set as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw new UnusableKeys('it is no {"keys": [...]} with a key in it');
  return keys as JWK[];
}

async function verifyingKeyOf(jwk: JWK, index: number): Promise<VerifyingKey> {
  const wrong = (why: string, cause?: unknown) => new UnusableKeys(`key ${index} ${why}`, { cause });
  if (typeof jwk !== 'object' || jwk === null) throw wrong('is no object');
  const algorithm = algorithmOf(jwk);
  if (algorithm === undefined) throw wrong('is none of HS256, RS256, ES256 (P-256) and EdDSA (Ed25519)');
  if (jwk.alg !== undefined && jwk.alg !== algorithm) throw wrong(`is of ${algorithm}, and says ${jwk.alg}`);
  if (jwk.use !== undefined && jwk.use !== 'sig') throw wrong('is not for signatures');
  if (algorithm !== 'HS256' && jwk.d !== undefined) throw wrong('is a private key: only its public part belongs here');
  if (algorithm === 'HS256' && Buffer.from(jwk.k ?? '', 'base64url').length < secretBytesMin) {
    throw wrong(`is a secret of less than ${secretBytesMin} bytes`);
  }
  if (algorithm === 'RS256' && Buffer.from(jwk.n ?? '', 'base64url').length < modulusBytesMin) {
    throw wrong(`has a modulus of less than ${8 * modulusBytesMin} bits`);
  }
  try {
    const key = (await importJWK(jwk, algorithm)) as VerifyingKey['key'];
    return { id: jwk.kid, algorithm, key, thumbprint: await calculateJwkThumbprint(jwk) };
  } catch (error) {
    throw wrong(`cannot be read: ${(error as Error).message}`, error);
  }
}

function algorithmOf({ kty, crv }: JWK): string | undefined {
  if (kty === 'oct') return 'HS256';
  if (kty === 'RSA') return 'RS256';
  if (kty === 'EC' && crv === 'P-256') return 'ES256';
  return kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : undefined;
}

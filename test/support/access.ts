/** Tokens and JSON Web Tokens for tests, and rules that know them. */

import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { AccessControl } from '../../src/access/access-control.ts';
import { type AccessRules, noRules } from '../../src/access/gate.ts';
import { newToken, type TokenRecord, tokenHashOf } from '../../src/access/token.ts';

type TokenWish = Partial<Pick<TokenRecord, 'name' | 'read' | 'write' | 'prefixes' | 'expiresAtMs'>>;

export function tokenOf(wish: TokenWish = {}): { readonly token: string; readonly record: TokenRecord } {
  const token = newToken();
  const usual = { name: 'app', read: true, write: true, prefixes: [], createdAtMs: 0, expiresAtMs: null };
  return { token, record: { ...usual, ...wish, hash: tokenHashOf(token) } };
}

export function rulesOf(tokens: readonly TokenRecord[], jwt: AccessRules['jwt'] = null): AccessRules {
  return { ...noRules, isLocked: true, tokens, jwt };
}

export async function accessOf(rules: AccessRules): Promise<AccessControl> {
  const access = new AccessControl();
  await access.adopt(rules);
  return access;
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export const jwtAlgorithms = ['HS256', 'RS256', 'ES256', 'EdDSA'] as const;
type Algorithm = (typeof jwtAlgorithms)[number];

/** One that signs, and the key by which others know it. */
export type Signer = {
  readonly jwk: JWK;
  readonly sign: (
    claims: JWTPayload,
    expiresAtS?: number | null,
    header?: { alg?: string; kid?: string },
  ) => Promise<string>;
};

export async function signerOf(algorithm: Algorithm, kid?: string): Promise<Signer> {
  const { secret, jwk } = await keysOf(algorithm);
  return {
    jwk: kid === undefined ? jwk : { ...jwk, kid },
    sign: (claims, expiresAtS = inAnHour(), header = {}) => {
      const jwt = new SignJWT(claims).setProtectedHeader({
        alg: algorithm,
        ...(kid !== undefined && { kid }),
        ...header,
      });
      return (expiresAtS === null ? jwt : jwt.setExpirationTime(expiresAtS)).sign(secret);
    },
  };
}

async function keysOf(algorithm: Algorithm): Promise<{ readonly secret: CryptoKey | Uint8Array; readonly jwk: JWK }> {
  if (algorithm === 'HS256') {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    return { secret, jwk: { kty: 'oct', k: Buffer.from(secret).toString('base64url') } };
  }
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { secret: privateKey, jwk: await exportJWK(publicKey) };
}

export function inAnHour(): number {
  return Math.floor(Date.now() / 1_000) + 3_600;
}

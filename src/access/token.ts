/**
 * Tokens that this service gives out: random, and known to it by their hashes alone. Whoever reads what is kept of them
 * cannot come in with it.
 */

import { createHash, randomBytes } from 'node:crypto';
import { type Grant, prefixesOf } from './grant.ts';

/** What is kept of a token. */
export type TokenRecord = {
  /** Names it for people, and no other one. */
  readonly name: string;
  /** SHA-256 of the token, in hexadecimal digits. */
  readonly hash: string;
  readonly read: boolean;
  readonly write: boolean;
  /** Of keys, as text; none stands for every key. */
  readonly prefixes: readonly string[];
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  /** Unix milliseconds; null for never. */
  readonly expiresAtMs: number | null;
};

/** Those who look for secrets in source code find one by it. */
const tokenPrefix = 'shardlite_';
/** More than anybody can try: no salt and no slow hash is needed. */
const secretBytes = 32;
const tokenPattern = /^shardlite_[A-Za-z0-9_-]{43}$/;

export function newToken(): string {
  return tokenPrefix + randomBytes(secretBytes).toString('base64url');
}

export function isTokenText(text: string): boolean {
  return tokenPattern.test(text);
}

export function tokenHashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function grantOfToken({ name, hash, read, write, prefixes, expiresAtMs }: TokenRecord): Grant {
  return {
    kind: 'grant',
    name: `token ${name}`,
    authority: hash,
    read,
    write,
    prefixes: prefixesOf(prefixes),
    expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * What is kept of tokens, as one JSON file of the data directory. It is always written whole: after a crash it is the
 * one before or the one after. Who changes it: the primary while a service runs, `shardctl token` while none does.
 */

import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { AccessRefused } from '../access/access-refused.ts';
import { isPrefix, prefixesMax } from '../access/grant.ts';
import { newToken, type TokenRecord, tokenHashOf } from '../access/token.ts';
import type { TokenOrder } from '../admin/contract.ts';
import { readText } from '../config/read-text.ts';
import {
  exactly,
  integer,
  isTrueOrFalse,
  listOf,
  objectOf,
  oneOf,
  parsed,
  type Shape,
  text,
} from '../supervision/shape.ts';

const tokenRecord: Shape<TokenRecord> = objectOf({
  name: text,
  hash: text,
  read: isTrueOrFalse,
  write: isTrueOrFalse,
  prefixes: listOf(text),
  createdAtMs: integer,
  expiresAtMs: oneOf(integer, exactly(null)),
});
const tokenFile = objectOf({ tokens: listOf(tokenRecord) });

/** Each process that serves clients keeps them all in memory. */
const tokensMax = 10_000;
const namePattern = /^[\w.@-]{1,64}$/;

export class TokenFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws AccessRefused */
  read(): readonly TokenRecord[] {
    try {
      return parsed(tokenFile, JSON.parse(readText(this.#path)), 'It').tokens;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new AccessRefused(`The file of tokens ${this.#path} cannot be used: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /**
   * Returns the token, which is kept nowhere.
   * @throws AccessRefused
   */
  create({ name, read, write, prefixes, expiresAtMs }: TokenOrder, nowMs: number): string {
    const tokens = this.read();
    if (!namePattern.test(name))
      throw new AccessRefused('The name of a token must have 1 to 64 letters, digits, _, ., @ or -.');
    if (tokens.some((one) => one.name === name)) {
      throw new AccessRefused(`A token named ${name} already exists. Choose another name, or revoke it first.`);
    }
    if (tokens.length >= tokensMax)
      throw new AccessRefused(`There are already ${tokensMax} tokens. Revoke some first.`);
    if (!read && !write) throw new AccessRefused('A token must allow reading, writing or both.');
    if (prefixes.length > prefixesMax || !prefixes.every(isPrefix)) {
      throw new AccessRefused(`A token may have up to ${prefixesMax} prefixes, each of 1 to 1,024 bytes.`);
    }
    if (expiresAtMs !== null && expiresAtMs <= nowMs) throw new AccessRefused('The token would already be expired.');
    const token = newToken();
    const record = { name, hash: tokenHashOf(token), read, write, prefixes, createdAtMs: nowMs, expiresAtMs };
    this.#write([...tokens, record]);
    return token;
  }

  /** False when there is no such token. @throws AccessRefused */
  revoke(name: string): boolean {
    const tokens = this.read();
    const left = tokens.filter((one) => one.name !== name);
    if (left.length === tokens.length) return false;
    this.#write(left);
    return true;
  }

  #write(tokens: readonly TokenRecord[]): void {
    const path = `${this.#path}.new`;
    const file = openSync(path, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify({ tokens }, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(path, this.#path);
    const directory = openSync(dirname(this.#path), 'r');
    fsyncSync(directory);
    closeSync(directory);
  }
}

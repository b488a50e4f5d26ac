/**
 * Decides who comes in: from the `Authorization` header of a request to what it may do. It keeps nothing but what was
 * configured when it was made, and what it has found out by that: another configuration is another gate.
 */

import type { FailedOutcome } from '../kv/outcome.ts';
import type { Grant } from './grant.ts';
import type { JwtVerifier } from './json-web-token.ts';
import type { JwtSettings } from './jwt-settings.ts';
import { SeenTokens } from './seen-tokens.ts';
import { grantOfToken, isTokenText, type TokenRecord, tokenHashOf } from './token.ts';

/** Who may come in, as the primary tells every process that serves clients. */
export type AccessRules = {
  /** False: everybody may do everything, and no token is asked for. */
  readonly isLocked: boolean;
  readonly tokens: readonly TokenRecord[];
  readonly jwt: JwtSettings | null;
};

export const noRules: AccessRules = { isLocked: false, tokens: [], jwt: null };

const required = refusal('token-required', 'This service requires a token. Send it as Authorization: Bearer TOKEN.');
/** One answer for all: which tokens there were is not told. */
const unknown = refusal('token-invalid', 'The token is unknown: it may be mistyped, revoked or expired.');

const bearerPattern = /^bearer +([\w\-.~+/]+=*) *$/i;

export class Gate {
  /** By the hash of the token. */
  readonly #tokens: ReadonlyMap<string, Grant>;
  readonly #jwt: JwtVerifier | undefined;
  readonly #authorities: ReadonlySet<string>;
  readonly #seen = new SeenTokens();

  private constructor(tokens: readonly TokenRecord[], jwt: JwtVerifier | undefined) {
    this.#tokens = new Map(tokens.map((token) => [token.hash, grantOfToken(token)]));
    this.#jwt = jwt;
    this.#authorities = new Set([...this.#tokens.keys(), ...(jwt?.authorities ?? [])]);
  }

  /** @throws UnusableKeys */
  static async of({ tokens, jwt }: AccessRules): Promise<Gate> {
    if (jwt === null) return new Gate(tokens, undefined);
    // Loaded where it is needed: it takes as long as half of a router's start.
    const { JwtVerifier } = await import('./json-web-token.ts');
    return new Gate(tokens, await JwtVerifier.of(jwt));
  }

  /**
   * At once, unless a JWT is seen for the first time.
   * @param nowMs Unix milliseconds
   */
  decide(authorization: string | undefined, nowMs: number): Grant | FailedOutcome | Promise<Grant | FailedOutcome> {
    if (authorization === undefined) return required;
    const known = this.recall(authorization, nowMs);
    if (known !== undefined) return known;
    const [, token] = bearerPattern.exec(authorization) ?? [];
    if (token === undefined) return required;
    if (!isTokenText(token)) return this.#jwt === undefined ? unknown : this.#verified(authorization, token, nowMs);
    // The hash is looked up, not the token: how long that takes tells nothing about any token.
    const grant = this.#tokens.get(tokenHashOf(token));
    if (grant === undefined || nowMs >= grant.expiresAtMs) return unknown;
    this.#seen.add(authorization, grant);
    return grant;
  }

  /** What was found out before about this very header; undefined when it has to be looked at. */
  recall(authorization: string | undefined, nowMs: number): Grant | undefined {
    const seen = authorization === undefined ? undefined : this.#seen.get(authorization);
    return seen !== undefined && nowMs < seen.expiresAtMs ? seen : undefined;
  }

  /** Whether a grant, which an earlier gate may have given, still counts. */
  vouchesFor({ authority, expiresAtMs }: Grant, nowMs: number): boolean {
    return nowMs < expiresAtMs && this.#authorities.has(authority);
  }

  async #verified(authorization: string, token: string, nowMs: number): Promise<Grant | FailedOutcome> {
    const verdict = await (this.#jwt as JwtVerifier).verify(token, nowMs);
    if (verdict.kind === 'grant') this.#seen.add(authorization, verdict);
    return verdict;
  }
}

export function refusal(code: 'token-required' | 'token-invalid', detail: string): FailedOutcome {
  return { kind: 'failed', code, detail };
}

/**
 * `shardctl token`: makes, lists and revokes tokens, of a running service or of one that is stopped. A token is shown
 * once, when it is made: of what is kept nobody can find it out.
 */

import { AccessRefused, noSuchToken } from '../access/access-refused.ts';
import { askService, ServiceUnreachable } from '../admin/admin-client.ts';
import type { TokenOrder, TokenView } from '../admin/contract.ts';
import { DataDirectory, UnusableDirectory } from '../config/data-directory.ts';
import { TokenFile } from '../primary/token-file.ts';
import { durationOf } from './duration.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';
import { durationText } from './quantity.ts';
import { answerOf } from './service-answer.ts';
import { type Column, tableOf } from './table.ts';

type TokenOptions = { readonly data: string };
type CreateOptions = TokenOptions & {
  readonly prefix?: readonly string[];
  readonly read?: boolean;
  readonly write?: boolean;
  readonly expires?: string;
};

export async function createTokenCommand(name: string, options: CreateOptions): Promise<void> {
  const { data, prefix = [], read = false, write = false, expires } = options;
  const isBoth = !read && !write;
  const lifeMs = expires === undefined ? undefined : durationOf('--expires', expires, '30d');
  const order: TokenOrder = {
    name,
    prefixes: prefix,
    read: read || isBoth,
    write: write || isBoth,
    expiresAtMs: lifeMs === undefined ? null : Date.now() + lifeMs,
  };
  const { token } = await done<{ token: string }>(data, '/v1/tokens', order, (file) => ({
    token: file.create(order, Date.now()),
  }));
  // To a pipe the token alone.
  printLine(token);
  console.error(`${summaryOf(order)} It is shown only once. Send it as Authorization: Bearer TOKEN.`);
}

export async function revokeTokenCommand(name: string, { data }: TokenOptions): Promise<void> {
  const path = `/v1/tokens/${encodeURIComponent(name)}/revoke`;
  const { tokens } = await done<{ tokens: number }>(data, path, {}, (file) => {
    if (!file.revoke(name)) throw new AccessRefused(noSuchToken(name));
    return { tokens: file.read().length };
  });
  printLine(`Revoked: within a second no process accepts ${name}.`);
  if (tokens === 0) {
    printLine('No token is left. A service on loopback, or with --open, is now open to everybody.');
  }
}

export async function listTokensCommand({ data, json }: TokenOptions & { readonly json?: boolean }): Promise<void> {
  const tokens = await kept(data);
  if (json) printLine(JSON.stringify(tokens));
  else if (tokens.length === 0) printLine('There are no tokens.');
  else printLine(tableOf(columns, tokens));
}

const columns: readonly Column<TokenView>[] = [
  { title: 'name', align: 'left', cell: ({ name }) => name },
  { title: 'allows', align: 'left', cell: ({ read, write }) => allowedText(read, write) },
  { title: 'keys', align: 'left', cell: ({ prefixes }) => (prefixes.length === 0 ? 'all' : prefixes.join(' ')) },
  { title: 'made', align: 'left', cell: ({ createdAtMs }) => dayText(createdAtMs) },
  { title: 'expires', align: 'left', cell: ({ expiresAtMs }) => expiryText(expiresAtMs) },
];

function summaryOf({ name, read, write, prefixes, expiresAtMs }: TokenOrder): string {
  const keys = prefixes.length === 0 ? 'all keys' : `keys that begin with ${prefixes.join(' or ')}`;
  const until = expiresAtMs === null ? '' : `, until ${new Date(expiresAtMs).toISOString()}`;
  return `The token ${name} allows you to ${allowedText(read, write)} ${keys}${until}.`;
}

function allowedText(read: boolean, write: boolean): string {
  return [...(read ? ['read'] : []), ...(write ? ['write'] : [])].join(' and ');
}

function dayText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function expiryText(expiresAtMs: number | null): string {
  if (expiresAtMs === null) return 'never';
  const leftMs = expiresAtMs - Date.now();
  return leftMs <= 0 ? 'has expired' : `in ${durationText(leftMs)}`;
}

async function kept(data: string): Promise<readonly TokenView[]> {
  try {
    return (await answerOf(data, 'GET', '/v1/tokens')) as TokenView[];
  } catch (error) {
    if (!isStopped(error)) throw error;
    return onFile(data, (file) => file.read().map(({ hash: _, ...view }) => view));
  }
}

/** Done by the running service or, where none runs, here. */
async function done<T>(data: string, path: string, body: unknown, otherwise: (file: TokenFile) => T): Promise<T> {
  try {
    return (await answerOf(data, 'POST', path, body)) as T;
  } catch (error) {
    if (!isStopped(error)) throw error;
  }
  const result = onFile(data, otherwise);
  // A service that has started in this very moment may have read the file before.
  await askService(data, 'POST', '/v1/access/reload').catch((error: unknown) => {
    if (!(error instanceof ServiceUnreachable)) throw error;
  });
  return result;
}

function isStopped(error: unknown): boolean {
  return error instanceof ServiceUnreachable && (error.cause as NodeJS.ErrnoException).code !== 'EACCES';
}

function onFile<T>(data: string, act: (file: TokenFile) => T): T {
  try {
    return act(new TokenFile(new DataDirectory(data).tokensFile));
  } catch (error) {
    if (error instanceof AccessRefused || error instanceof UnusableDirectory) {
      throw new CliFailure(exitCodes.failed, error.message, { cause: error });
    }
    throw error;
  }
}

/** A request whose path names one key: which key, in which slot, and with which parameters. */

import type { FastifyRequest } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import { type Key, keyOfBase64url } from '../../kv/key.ts';
import type { Timing } from '../../kv/store.ts';
import { slotOf } from '../../partition/slot.ts';
import { keyOfPath } from '../key-in-url.ts';
import { oneOfTexts, type Parameters, parametersOf } from './parameters.ts';
import { timingWanted } from './server-timing.ts';

/** Everything that HTTP asks of one key gets its slot here. */
export function addressOf(key: Key): { readonly slot: number; readonly key: Key } {
  return { slot: slotOf(key), key };
}

export type KeyRequest<Name extends string> = {
  readonly slot: number;
  readonly key: Key;
  readonly parameters: Parameters<Name>;
  readonly timing: Timing | undefined;
};

/** @throws KvError key-empty, key-malformed, key-too-long, parameter-unknown, parameter-invalid */
export function keyRequestOf<const Name extends string>(
  request: FastifyRequest,
  path: string,
  allowed: readonly (Name | 'key-encoding' | 'timing')[],
): KeyRequest<Name> {
  // From the raw URL: the router's decoded parameter has lost which bytes were sent.
  const url = request.raw.url as string;
  const queryAt = url.indexOf('?');
  // The router decodes before it matches: of /v1/%6Bv/key nothing could be cut off.
  if (!url.startsWith(path)) throw new KvError('route-unknown', `Write ${path} without percent-encoding.`);
  const parameters = parametersOf(url, allowed);
  const segment = url.slice(path.length, queryAt === -1 ? undefined : queryAt);
  const isBase64url = oneOfTexts('key-encoding', parameters['key-encoding'], ['percent', 'base64url']) === 'base64url';
  const key = isBase64url ? keyOfBase64url(segment) : keyOfPath(segment);
  return {
    slot: slotOf(key),
    key,
    parameters: parameters as Parameters<Name>,
    timing: timingWanted(request, parameters.timing),
  };
}

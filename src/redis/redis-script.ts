/**
 * What is done to a key, as Lua: Redis runs a script alone and whole, so that looking and writing are one step. A
 * script touches the keys of one slot only.
 */

import { createHash } from 'node:crypto';
import { headBytesMax } from './redis-entry.ts';

export type RedisScript = { readonly lua: string; readonly sha1: string };

function scriptOf(lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** Opens every script that writes: the same write sent again is answered as it was, and not done. */
const unlessDone = `
  local earlier = redis.call('GET', KEYS[3])
  if earlier then return earlier end
  local version = string.format('%.0f', redis.call('INCR', KEYS[2]))
`;

/** Ends it. */
const remember = `
  redis.call('SET', KEYS[3], outcome, 'PX', ARGV[1])
  return outcome
`;

/** KEYS: value, version, op. ARGV: how long to remember in ms, and the packed value less its version. */
export const putScript = scriptOf(`${unlessDone}
  local outcome = (redis.call('EXISTS', KEYS[1]) == 1 and 'replaced ' or 'created ') .. version
  redis.call('SET', KEYS[1], version .. ARGV[2])
  ${remember}`);

/** KEYS: value, version, op. ARGV: how long to remember in ms. */
export const deleteScript = scriptOf(`${unlessDone}
  local outcome = 'deleted ' .. version
  redis.call('DEL', KEYS[1])
  ${remember}`);

/** KEYS: value. Answers its first bytes and how many it has, or nothing. */
export const headScript = scriptOf(`
  local head = redis.call('GETRANGE', KEYS[1], 0, ${headBytesMax - 1})
  if head == '' then return false end
  return {head, redis.call('STRLEN', KEYS[1])}
`);

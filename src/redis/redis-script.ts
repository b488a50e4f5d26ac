/**
 * The scripts, in Lua, that read and write the keys of one slot. Redis runs a script as one step: nothing else happens
 * between its reads and its writes. But it does not roll back, so a script must work out everything that it will write
 * before it writes anything.
 */

import { createHash } from 'node:crypto';
import { lifetimeMsMax } from '../kv/operation.ts';
import { headBytesMax } from './redis-entry.ts';

export type RedisScript = { readonly lua: string; readonly sha1: string };

function scriptOf(lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** Fields of ARGV for each operation of `operateScript`. */
const fieldsOfOperation = 8;

/**
 * KEYS  version, index, expiries, scratch; then for each operation its value and its op
 * ARGV  how many bytes reads may have together; then for each operation:
 *       kind, key, If-Match, If-None-Match (versions as ',1,2,', or '*', or '' for no condition),
 *       expiry in Unix ms, '0' for never, '+' and how many ms to live, or '' (a counter's) to leave it as it is,
 *       how long to remember the write in ms,
 *       fingerprint ('' without an idempotency key), and the tail of a value (redis-entry.ts), or what to add
 *
 * Answers with one reply for each operation, as redis-reply.ts reads them. A write that is sent again is answered as
 * before, and not done again. When one operation is refused, none is done, and the others are answered 'alone'.
 */
export const operateScript = scriptOf(`
local count = (#KEYS - 4) / 2
local bytesLeft = tonumber(ARGV[1])
local version = tonumber(redis.call('GET', KEYS[1]) or '0')
local found, entries, memories, touched, outcomes = {}, {}, {}, {}, {}

local function field(i, n) return ARGV[1 + (i - 1) * ${fieldsOfOperation} + n] end
local function valueKey(i) return KEYS[3 + i * 2] end
local function opKey(i) return KEYS[4 + i * 2] end
local function isWrite(i) return field(i, 1) ~= 'get' and field(i, 1) ~= 'head' end
local function text(number) return string.format('%.0f', number) end

-- The key's entry as this script will leave it; false when there is none.
local function find(key)
  if entries[key] == nil then
    local version, expiry = string.match(redis.call('GETRANGE', key, 0, 39), '^(%d+):(%d+):')
    found[key] = version and {version = version, expiry = expiry} or false
    entries[key] = found[key]
  end
  return entries[key]
end

local function packed(key, entry)
  if entry.tail then return entry.version .. ':' .. entry.expiry .. ':' .. entry.tail end
  return redis.call('GET', key)
end

local function earlier(i)
  if not isWrite(i) then return nil end
  local memory = memories[opKey(i)] and memories[opKey(i)].text or redis.call('GET', opKey(i))
  if not memory then return nil end
  local fingerprint, outcome = string.match(memory, '^(%x*) (.*)$')
  if fingerprint ~= field(i, 7) then return 'reused' end
  return outcome
end

-- In Unix ms by the clock of Redis, read once: what is written together with one time to live expires together.
local nowMs
local function now()
  if not nowMs then
    local time = redis.call('TIME')
    nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  end
  return nowMs
end

-- When a value expires, and what to tell of it.
local function expiryOf(wanted)
  local ttl = string.match(wanted, '^%+(%d+)$')
  if not ttl then return wanted, '' end
  local expiry = text(now() + tonumber(ttl))
  return expiry, ' ' .. expiry
end

-- A time that is over, or too far away.
local function isOutOfRange(wanted)
  if wanted == '' or wanted == '0' or string.sub(wanted, 1, 1) == '+' then return false end
  local expiry = tonumber(wanted)
  return expiry <= now() or expiry > now() + ${lifetimeMsMax}
end

local function isAmong(versions, entry)
  if not entry then return false end
  return versions == '*' or string.find(versions, ',' .. entry.version .. ',', 1, true) ~= nil
end

local function read(i)
  local key = valueKey(i)
  local entry = find(key)
  if not entry then return 'absent' end
  local bytes = packed(key, entry)
  if field(i, 1) == 'head' then return {'metadata', string.sub(bytes, 1, ${headBytesMax}), #bytes} end
  bytesLeft = bytesLeft - #bytes
  if bytesLeft < 0 then return 'much' end
  return {'value', bytes}
end

-- What a value has besides its version and its expiry.
local function tailOf(key, entry)
  return entry.tail or string.match(packed(key, entry), '^%d+:%d+:(.*)$')
end

-- The number to add to is the value's bytes: the tail without its content type.
local function add(i, entry)
  local head, number, expiry = '10:text/plain', '0', '0'
  if entry then
    local tail = tailOf(valueKey(i), entry)
    local length, rest = string.match(tail, '^(%d+):(.*)$')
    head = length .. ':' .. string.sub(rest, 1, tonumber(length))
    number = string.sub(rest, tonumber(length) + 1)
    expiry = entry.expiry
  end
  redis.call('SET', KEYS[4], number)
  local added = redis.pcall('INCRBY', KEYS[4], field(i, 8))
  local sum = redis.call('GET', KEYS[4])
  redis.call('DEL', KEYS[4])
  if type(added) == 'table' then
    return nil, string.find(added.err, 'overflow') and 'overflow ' .. number or 'nan'
  end
  return {expiry = expiry, tail = head .. sum}, sum
end

local function write(i)
  local key, kind = valueKey(i), field(i, 1)
  local old = find(key)
  local ifMatch, ifNoneMatch = field(i, 3), field(i, 4)
  if (ifMatch ~= '' and not isAmong(ifMatch, old)) or (ifNoneMatch ~= '' and isAmong(ifNoneMatch, old)) then
    return 'precondition-failed ' .. (old and old.version or '0'), true
  end
  local new, name = false, 'deleted'
  local number = ''
  local wanted = field(i, 5)
  if isOutOfRange(wanted) then return 'expiry ' .. wanted .. ' ' .. text(now()), true end
  if kind == 'put' then
    new, name = {tail = field(i, 8)}, old and 'replaced' or 'created'
    new.expiry, number = expiryOf(wanted)
  elseif kind == 'touch' then
    if not old then return 'nothing', true end
    new, name = {tail = tailOf(key, old)}, 'replaced'
    new.expiry, number = expiryOf(wanted)
  elseif kind == 'increment' then
    local sum
    new, sum = add(i, old)
    if not new then return sum, true end
    if wanted ~= '' then new.expiry = expiryOf(wanted) end
    name, number = 'counted', ' ' .. sum .. (new.expiry == '0' and '' or ' ' .. new.expiry)
  end
  version = version + 1
  if new then new.version = text(version) end
  entries[key] = new
  table.insert(touched, i)
  local outcome = name .. ' ' .. text(version) .. number
  memories[opKey(i)] = {text = field(i, 7) .. ' ' .. outcome, ms = field(i, 6)}
  return outcome, false
end

-- The writes of a batch were applied together under their idempotency keys. When only some of these are known, they are
-- those of another batch.
local isAgain, isAnother = false, false
for i = 1, count do
  local outcome = earlier(i)
  if outcome and outcome ~= 'reused' then
    isAgain = true
  elseif isWrite(i) and field(i, 7) ~= '' then
    isAnother = true
  end
end
if isAgain and isAnother then
  for i = 1, count do outcomes[i] = isWrite(i) and 'reused' or 'alone' end
  return outcomes
end
local refusals = {}
for i = 1, count do
  if isWrite(i) then
    local outcome = earlier(i)
    if outcome then
      outcomes[i], refusals[i] = outcome, outcome == 'reused'
    else
      outcomes[i], refusals[i] = write(i)
    end
  else
    outcomes[i] = (isAgain and count > 1) and 'over' or read(i)
    refusals[i] = outcomes[i] == 'much'
  end
end
local isRefused = false
for i = 1, count do isRefused = isRefused or refusals[i] end
if isRefused and not isAgain then
  for i = 1, count do
    if not refusals[i] then outcomes[i] = 'alone' end
  end
  return outcomes
end

for _, i in ipairs(touched) do
  local key, member = valueKey(i), field(i, 2)
  local entry = entries[key]
  if entry then
    redis.call('SET', key, packed(key, entry))
    if not found[key] then redis.call('ZADD', KEYS[2], 0, member) end
    if entry.expiry ~= '0' then
      -- Redis keeps a key for the whole of its last millisecond.
      redis.call('PEXPIREAT', key, text(tonumber(entry.expiry) - 1))
      redis.call('ZADD', KEYS[3], entry.expiry, member)
    elseif not found[key] or found[key].expiry ~= '0' then
      redis.call('ZREM', KEYS[3], member)
    end
  elseif found[key] then
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[2], member)
    redis.call('ZREM', KEYS[3], member)
  end
end
if #touched > 0 then redis.call('SET', KEYS[1], text(version)) end
for key, memory in pairs(memories) do redis.call('SET', key, memory.text, 'PX', memory.ms) end
return outcomes
`);

/** KEYS: scratch. Every command that a script of ours uses, once, with nothing left of it. */
export const rehearsalScript = scriptOf(`
redis.call('TIME')
redis.call('SET', KEYS[1], '1', 'PX', 1000)
redis.call('INCRBY', KEYS[1], 1)
redis.call('GET', KEYS[1])
redis.call('GETRANGE', KEYS[1], 0, 0)
redis.call('STRLEN', KEYS[1])
redis.call('EXISTS', KEYS[1])
redis.call('PEXPIREAT', KEYS[1], redis.call('TIME')[1] .. '999')
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[1], 0, 'member')
redis.call('ZRANGEBYLEX', KEYS[1], '-', '+')
redis.call('ZREVRANGEBYLEX', KEYS[1], '+', '-')
redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf')
redis.call('ZREM', KEYS[1], 'member')
return 'done'
`);

/** KEYS: a value. Answers with its first `headBytesMax` bytes and its size in bytes, or nil when there is none. */
export const headScript = scriptOf(`
local head = redis.call('GETRANGE', KEYS[1], 0, ${headBytesMax - 1})
if head == '' then return false end
return {head, redis.call('STRLEN', KEYS[1])}
`);

/**
 * KEYS: a value. ARGV: its version, and the first and the last of its bytes that are wanted, as it lies there. Answers
 * with nil when there is none of this version.
 */
export const bytesScript = scriptOf(`
if string.match(redis.call('GETRANGE', KEYS[1], 0, 19), '^(%d+):') ~= ARGV[1] then return false end
return redis.call('GETRANGE', KEYS[1], ARGV[2], ARGV[3])
`);

/**
 * KEYS  the index of one of the slots: a Cluster chooses the server by it
 * ARGV  ZRANGEBYLEX or ZREVRANGEBYLEX, a range of keys as that takes it, how many keys are wanted of each slot, then the
 *       slots
 *
 * Answers with a pair for each slot that has keys in the range: its place among the slots, from 1, and its first keys.
 */
export const firstKeysScript = scriptOf(`
local found = {}
for i = 5, #ARGV do
  local keys = redis.call(ARGV[1], '{s' .. ARGV[i] .. '}i', ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
  if #keys > 0 then table.insert(found, {i - 4, keys}) end
end
return found
`);

/**
 * KEYS  index, expiries
 * ARGV  the prefix of the slot's values, and how many keys to look at
 *
 * Redis expires values by itself; this removes their keys from the index. Answers with how many it removed.
 */
export const sweepScript = scriptOf(`
local now = redis.call('TIME')
local nowMs = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
local expired = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', nowMs, 'LIMIT', 0, ARGV[2])
local swept = 0
for _, member in ipairs(expired) do
  if redis.call('EXISTS', ARGV[1] .. member) == 0 then
    redis.call('ZREM', KEYS[1], member)
    redis.call('ZREM', KEYS[2], member)
    swept = swept + 1
  end
end
return swept
`);

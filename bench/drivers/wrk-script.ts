/**
 * The Lua script that makes wrk send this workload and print its result as one JSON line. Pure text. wrk calls
 * `init` before it connects, `request` for each request, and `done` at the end.
 */

import { exactly, integer, number, objectOf, parsed, type ShapeOf } from '../../src/process/shape.ts';
import { contentType, keyCount, keyDigits, keyPathPrefix, valueBytes } from '../workload.ts';

/** Arguments after `--`: the method and the seed. */
export const wrkScript = `
local random, format, rep = math.random, string.format, string.rep
local method, seed, host
local sequence = 0

function init(arguments)
  method, seed, host = arguments[1], arguments[2], wrk.headers['Host']
  math.randomseed(tonumber(seed))
end

function request()
  local path = format('${keyPathPrefix}%0${keyDigits}d', random(0, ${keyCount - 1}))
  if method == 'GET' then return 'GET ' .. path .. ' HTTP/1.1\\r\\nHost: ' .. host .. '\\r\\n\\r\\n' end
  sequence = sequence + 1
  local value = seed .. ' ' .. sequence .. ' '
  return 'PUT ' .. path .. ' HTTP/1.1\\r\\nHost: ' .. host ..
    '\\r\\nContent-Type: ${contentType}\\r\\nContent-Length: ${valueBytes}\\r\\n\\r\\n' ..
    value .. rep('x', ${valueBytes} - #value)
end

function done(summary, latency)
  local errors = summary.errors
  print(format(
    '{"event":"drive-done","requests":%d,"durationUs":%d,"p50Us":%.1f,"p99Us":%.1f,"failedStatus":%d,"failedSocket":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
`;

const wrkResult = objectOf({
  event: exactly('drive-done'),
  requests: integer,
  durationUs: integer,
  p50Us: number,
  p99Us: number,
  /** Answers with a status from 400 on; none of the contestants ever redirects. */
  failedStatus: integer,
  /** Connections refused or broken, and requests without an answer within wrk's two seconds. */
  failedSocket: integer,
});

export type WrkResult = ShapeOf<typeof wrkResult>;

/** @param output all that wrk wrote: its own report, and somewhere in it our line */
export function wrkResultOf(output: string): WrkResult {
  const line = output.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no result:\n${output}`);
  return parsed(wrkResult, JSON.parse(line), 'The result of wrk');
}

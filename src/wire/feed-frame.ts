/**
 * A page of a shard's feed, as it lies within an answer frame: rows one after another.
 *
 *   0     8               12              16
 *   ├ lsn ┼ arrival bytes ┼ records bytes ┼ arrival (JSON), records
 */

import type { Arrival, FeedRow } from '../kv/feed.ts';
import { writeUInt53 } from '../kv/uint53.ts';
import { checkedUInt53, WireError } from './frame.ts';

const rowHeadBytes = 16;

export function packFeedRows(rows: readonly FeedRow[]): Buffer {
  return Buffer.concat(
    rows.flatMap(({ lsn, arrival, records }) => {
      const head = Buffer.allocUnsafe(rowHeadBytes);
      const arrivalBytes = Buffer.from(arrival === undefined ? '' : JSON.stringify(arrival));
      writeUInt53(head, lsn, 0);
      head.writeUInt32LE(arrivalBytes.length, 8);
      head.writeUInt32LE(records.length, 12);
      return [head, arrivalBytes, records];
    }),
  );
}

/** @throws WireError */
export function feedRowsOf(packed: Buffer): FeedRow[] {
  const rows: FeedRow[] = [];
  for (let at = 0; at < packed.length; ) {
    if (packed.length - at < rowHeadBytes) throw new WireError('a row of the feed breaks off');
    const arrivalEnd = at + rowHeadBytes + packed.readUInt32LE(at + 8);
    const end = arrivalEnd + packed.readUInt32LE(at + 12);
    if (end > packed.length) throw new WireError('a row of the feed breaks off');
    const arrival = packed.toString('utf8', at + rowHeadBytes, arrivalEnd);
    rows.push({
      lsn: checkedUInt53(packed, at),
      arrival: arrival === '' ? undefined : arrivalOf(arrival),
      records: packed.subarray(arrivalEnd, end),
    });
    at = end;
  }
  return rows;
}

/** Both ends are of one build: what is JSON is an arrival. */
function arrivalOf(text: string): Arrival {
  try {
    return JSON.parse(text) as Arrival;
  } catch (error) {
    throw new WireError('an arrival in the feed is not JSON', { cause: error });
  }
}

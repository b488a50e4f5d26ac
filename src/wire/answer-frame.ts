/**
 * What a shard answers, as bytes. This file lays out, encodes and decodes them; it owns no socket.
 *
 * 0        4            8         9            10       12          16        24           32            36
 * ├ length ┼ request id ┼ outcome ┼ type bytes ┼ reason ┼ sqlite µs ┼ version ┼ expires at ┼ value bytes ┼ type, body
 *
 * `sqlite µs` is the duration of the batch that the request was part of. Some answers use fields for something else:
 *   counted  its number in `expires at`; when it expires in its body, if it does
 *   feed     the pruned lsn in `version`, the shard's lsn in `expires at`, the epoch in `value bytes`
 *
 * body     a value in its own bytes, a part of one behind the number of its first byte (4 bytes); a sentence about a
 *          failure; of an atomic operation, answers; a listing; a feed.
 */

import { type ErrorCode, errorTable } from '../kv/errors.ts';
import type { FeedPage } from '../kv/feed.ts';
import type { Listing } from '../kv/listing.ts';
import { expiryOf, type KeyOutcome, type Outcome } from '../kv/outcome.ts';
import { writeUInt53 } from '../kv/uint53.ts';
import { feedRowsOf, packFeedRows } from './feed-frame.ts';
import { checkedUInt53, framesWithin, WireError } from './frame.ts';
import { listingBytes, listingOf, packListing } from './listing-frame.ts';

/** What a shard answers: an outcome, a page, or that it does not serve what was asked for and did nothing. */
export type Answer = Outcome | Listing | PackedFeed | { readonly kind: 'moved' };

/** A page of the feed, its rows packed for the wire. */
export type PackedFeed = Omit<FeedPage, 'rows'> & { readonly packedRows: Buffer };

export const movedAnswer: Answer = { kind: 'moved' };

const headerBytes = 36;
/** The number of the first byte of a part. */
const firstBytes = 4;

const kindBytes = {
  value: 1,
  metadata: 2,
  absent: 3,
  created: 4,
  replaced: 5,
  deleted: 6,
  failed: 7,
  moved: 8,
  counted: 9,
  'precondition-failed': 10,
  batch: 11,
  listing: 12,
  feed: 13,
  part: 14,
} as const;
const errorCodes = Object.keys(errorTable) as ErrorCode[];

export function packedFeed({ rows, ...page }: FeedPage): PackedFeed {
  return { ...page, packedRows: packFeedRows(rows) };
}

/** @throws WireError */
export function feedPageOf({ packedRows, ...page }: PackedFeed): FeedPage {
  return { ...page, rows: feedRowsOf(packedRows) };
}

export function answerFrameBytes(answer: Answer): number {
  switch (answer.kind) {
    case 'value':
      return headerBytes + answer.contentType.length + answer.value.length;
    case 'metadata':
      return headerBytes + answer.contentType.length;
    case 'part':
      return headerBytes + answer.contentType.length + firstBytes + answer.value.length;
    case 'failed':
      return headerBytes + Buffer.byteLength(answer.detail);
    case 'counted':
      return headerBytes + (answer.expiresAtMs === undefined ? 0 : 8);
    case 'batch':
      return headerBytes + answer.outcomes.reduce((sum, outcome) => sum + answerFrameBytes(outcome), 0);
    case 'listing':
      return headerBytes + listingBytes(answer);
    case 'feed':
      return headerBytes + answer.packedRows.length;
    default:
      return headerBytes;
  }
}

/** Writes an answer into `target` at `at`, which has room for `answerFrameBytes`. */
export function encodeAnswer(target: Buffer, at: number, requestId: number, answer: Answer, sqliteMicros = 0): void {
  const contentType = 'contentType' in answer ? answer.contentType : '';
  target.writeUInt32LE(answerFrameBytes(answer) - 4, at);
  target.writeUInt32LE(requestId, at + 4);
  target[at + 8] = kindBytes[answer.kind];
  target[at + 9] = contentType.length;
  target.writeUInt16LE(answer.kind === 'failed' ? errorCodes.indexOf(answer.code) : 0, at + 10);
  target.writeUInt32LE(sqliteMicros, at + 12);
  writeUInt53(target, 'version' in answer ? answer.version : 0, at + 16);
  writeUInt53(target, ('expiresAtMs' in answer && answer.expiresAtMs) || 0, at + 24);
  target.writeUInt32LE('valueBytes' in answer ? answer.valueBytes : 0, at + 32);
  let end = at + headerBytes + target.write(contentType, at + headerBytes, 'latin1');
  switch (answer.kind) {
    case 'value':
      answer.value.copy(target, end);
      return;
    case 'part':
      answer.value.copy(target, target.writeUInt32LE(answer.first, end));
      return;
    case 'failed':
      target.write(answer.detail, end, 'utf8');
      return;
    case 'counted':
      target.writeBigInt64LE(answer.number, at + 24);
      if (answer.expiresAtMs !== undefined) writeUInt53(target, answer.expiresAtMs, end);
      return;
    case 'batch':
      for (const outcome of answer.outcomes) {
        encodeAnswer(target, end, 0, outcome);
        end += answerFrameBytes(outcome);
      }
      return;
    case 'listing':
      packListing(target, end, answer);
      return;
    case 'feed':
      writeUInt53(target, answer.prunedLsn, at + 16);
      writeUInt53(target, answer.lsn, at + 24);
      target.writeUInt32LE(answer.epoch, at + 32);
      answer.packedRows.copy(target, end);
  }
}

/** @throws WireError */
export function answerRequestId(frame: Buffer): number {
  if (frame.length < headerBytes) throw new WireError(`an answer of ${frame.length} bytes is too short`);
  return frame.readUInt32LE(4);
}

/** Duration of the batch that the request was part of. */
export function answerSqliteMs(frame: Buffer): number {
  return frame.readUInt32LE(12) / 1_000;
}

/** @throws WireError */
export function answerOf(frame: Buffer): Answer {
  if (frame.length < headerBytes) throw new WireError(`an answer of ${frame.length} bytes is too short`);
  const typeEnd = headerBytes + (frame[9] as number);
  if (typeEnd > frame.length) throw new WireError('an answer is shorter than its type');
  const version = checkedUInt53(frame, 16);
  const contentType = () => frame.toString('latin1', headerBytes, typeEnd);
  switch (frame[8]) {
    case kindBytes.value: {
      const expiry = expiryOf(checkedUInt53(frame, 24));
      return { kind: 'value', version, contentType: contentType(), value: frame.subarray(typeEnd), ...expiry };
    }
    case kindBytes.metadata: {
      const expiry = expiryOf(checkedUInt53(frame, 24));
      return { kind: 'metadata', version, contentType: contentType(), valueBytes: frame.readUInt32LE(32), ...expiry };
    }
    case kindBytes.part: {
      if (typeEnd + firstBytes > frame.length) throw new WireError('a part of a value breaks off');
      const part = { first: frame.readUInt32LE(typeEnd), value: frame.subarray(typeEnd + firstBytes) };
      const expiry = expiryOf(checkedUInt53(frame, 24));
      const valueBytes = frame.readUInt32LE(32);
      return { kind: 'part', version, contentType: contentType(), valueBytes, ...part, ...expiry };
    }
    case kindBytes.absent:
      return { kind: 'absent' };
    case kindBytes.created:
      return { kind: 'created', version, ...expiryOf(checkedUInt53(frame, 24)) };
    case kindBytes.replaced:
      return { kind: 'replaced', version, ...expiryOf(checkedUInt53(frame, 24)) };
    case kindBytes.deleted:
      return { kind: 'deleted', version };
    case kindBytes.counted:
      return { kind: 'counted', version, number: frame.readBigInt64LE(24), ...expiryOfCounter(frame) };
    case kindBytes['precondition-failed']:
      return { kind: 'precondition-failed', version };
    case kindBytes.moved:
      return movedAnswer;
    case kindBytes.batch:
      return { kind: 'batch', outcomes: framesWithin(frame.subarray(headerBytes)).map(keyOutcomeOf) };
    case kindBytes.listing:
      return listingOf(frame.subarray(headerBytes));
    case kindBytes.feed:
      return {
        kind: 'feed',
        prunedLsn: version,
        lsn: checkedUInt53(frame, 24),
        epoch: frame.readUInt32LE(32),
        packedRows: frame.subarray(headerBytes),
      };
    case kindBytes.failed: {
      const code = errorCodes[frame.readUInt16LE(10)];
      if (code === undefined) throw new WireError(`there is no error ${frame.readUInt16LE(10)}`);
      return { kind: 'failed', code, detail: frame.toString('utf8', headerBytes) };
    }
    default:
      throw new WireError(`there is no outcome ${frame[8]}`);
  }
}

/** @throws WireError */
function expiryOfCounter(frame: Buffer): { expiresAtMs?: number } {
  if (frame.length === headerBytes) return {};
  if (frame.length !== headerBytes + 8) throw new WireError('the expiry of a counter has a wrong length');
  return expiryOf(checkedUInt53(frame, headerBytes));
}

function keyOutcomeOf(frame: Buffer): KeyOutcome {
  const answer = answerOf(frame);
  switch (answer.kind) {
    case 'batch':
    case 'listing':
    case 'feed':
    case 'moved':
      throw new WireError(`${answer.kind} is no answer within another one`);
    default:
      return answer;
  }
}

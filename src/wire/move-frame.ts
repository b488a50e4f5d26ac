/**
 * The bytes between two shards during a move. Few and large, so their heads are JSON; rows stay binary.
 *
 *   0        4              8
 *   ├ length ┼ head bytes ──┼ head (JSON) ┼ changes, packed ┼ names, packed ┼ ledger results, packed ┤
 *
 * `length` counts what follows it; the head says how long the binary parts are.
 */

import type { PageStep, RefusalCode, SourceReply, SourceRequest } from '../rebalance/move.ts';
import { PackedRows } from '../rebalance/packed-rows.ts';
import { type Cursor, packDeltas, type SlotSum, unpackDeltas } from '../rebalance/row.ts';
import { WireError } from './frame.ts';

/** A rest under heavy writes of large values; beyond it the move is aborted and tried again. */
export const moveFrameBytesMax = 512 * 1024 * 1024;

type CursorHead = { readonly slot: number; readonly key: string };

type RequestHead = {
  readonly kind: SourceRequest['kind'];
  readonly move: number;
  readonly after?: CursorHead | undefined;
  readonly step?: PageStep;
  readonly ledgerSinceLsn?: number;
};

type ReplyHead = {
  readonly kind: SourceReply['kind'];
  readonly changesBytes: number;
  readonly namesBytes?: number;
  readonly next?: CursorHead | undefined;
  readonly left?: number;
  readonly slotsUnsummed?: number;
  readonly upToLsn?: number;
  readonly isWhole?: boolean;
  readonly sum?: SlotSum;
  readonly lsn?: number;
  readonly forgottenLsn?: number;
  readonly code?: RefusalCode;
  readonly reason?: string;
};

export function moveRequestFrame(request: SourceRequest): Buffer {
  const head: RequestHead = 'after' in request ? { ...request, after: cursorHeadOf(request.after) } : request;
  return frameOf(head, []);
}

/** @throws WireError */
export function moveRequestOf(frame: Buffer): SourceRequest {
  const { head } = partsOf<RequestHead>(frame);
  switch (head.kind) {
    case 'page':
    case 'names':
      return { kind: head.kind, move: head.move, after: cursorOf(head.after), step: head.step ?? 'short' };
    case 'changes':
    case 'rest':
      return { kind: head.kind, move: head.move, ledgerSinceLsn: head.ledgerSinceLsn ?? 0 };
    default:
      throw new WireError(`a source cannot be asked for ${JSON.stringify(head.kind)}`);
  }
}

export function moveReplyFrame(reply: SourceReply): Buffer {
  switch (reply.kind) {
    case 'page': {
      const { bytes } = reply.rows;
      return frameOf({ kind: 'page', changesBytes: bytes.length, next: cursorHeadOf(reply.next) }, [bytes]);
    }
    case 'names':
      return frameOf(
        { kind: 'names', changesBytes: 0, namesBytes: reply.names.length, next: cursorHeadOf(reply.next) },
        [reply.names],
      );
    case 'changes': {
      const changes = packDeltas(reply.changes);
      const { names, left, slotsUnsummed, ledger } = reply;
      const { upToLsn, isWhole } = ledger;
      const lengths = { changesBytes: changes.length, namesBytes: names.length };
      const head: ReplyHead = { kind: 'changes', ...lengths, left, slotsUnsummed, upToLsn, isWhole };
      return frameOf(head, [changes, names, ledger.results]);
    }
    case 'rest': {
      const changes = packDeltas(reply.changes);
      const { names, sum, lsn, forgottenLsn, ledger } = reply;
      const { keys, bytes, digest } = sum;
      const head: ReplyHead = {
        kind: 'rest',
        changesBytes: changes.length,
        namesBytes: names.length,
        upToLsn: ledger.upToLsn,
        isWhole: ledger.isWhole,
        sum: { keys, bytes, digest },
        lsn,
        forgottenLsn,
      };
      return frameOf(head, [changes, names, ledger.results]);
    }
    case 'refusal':
      return frameOf({ kind: 'refusal', changesBytes: 0, code: reply.code, reason: reply.reason }, []);
  }
}

/** @throws WireError */
export function moveReplyOf(frame: Buffer): SourceReply {
  const { head, blob } = partsOf<ReplyHead>(frame);
  const packed = blob.subarray(0, head.changesBytes);
  const namesEnd = head.changesBytes + (head.namesBytes ?? 0);
  const names = blob.subarray(head.changesBytes, namesEnd);
  const ledger = {
    results: blob.subarray(namesEnd),
    upToLsn: head.upToLsn ?? 0,
    isWhole: head.isWhole ?? false,
  };
  switch (head.kind) {
    case 'page':
      return { kind: 'page', rows: rowsOf(packed), next: cursorOf(head.next) };
    case 'names':
      return { kind: 'names', names, next: cursorOf(head.next) };
    case 'changes':
      return {
        kind: 'changes',
        changes: changesOf(packed),
        names,
        left: head.left ?? 0,
        slotsUnsummed: head.slotsUnsummed ?? 0,
        ledger,
      };
    case 'rest':
      if (head.sum === undefined) throw new WireError('a rest comes without its sum');
      return {
        kind: 'rest',
        changes: changesOf(packed),
        names,
        ledger,
        sum: head.sum,
        lsn: head.lsn ?? 0,
        forgottenLsn: head.forgottenLsn ?? 0,
      };
    case 'refusal':
      return { kind: 'refusal', code: head.code ?? 'move-unknown', reason: head.reason ?? 'no reason given' };
    default:
      throw new WireError(`a source cannot answer with ${JSON.stringify(head.kind)}`);
  }
}

const changesOf = (packed: Buffer) => unlessAstray(() => unpackDeltas(packed));
const rowsOf = (packed: Buffer) => unlessAstray(() => PackedRows.checked(packed));

function unlessAstray<T>(unpack: () => T): T {
  try {
    return unpack();
  } catch (error) {
    throw new WireError((error as Error).message, { cause: error });
  }
}

function frameOf(head: RequestHead | ReplyHead, blobs: readonly Buffer[]): Buffer {
  const headBytes = Buffer.from(JSON.stringify(head));
  const lengths = Buffer.allocUnsafe(8);
  lengths.writeUInt32LE(4 + headBytes.length + blobs.reduce((sum, blob) => sum + blob.length, 0), 0);
  lengths.writeUInt32LE(headBytes.length, 4);
  return Buffer.concat([lengths, headBytes, ...blobs]);
}

function partsOf<Head>(frame: Buffer): { head: Head; blob: Buffer } {
  const headEnd = frame.length < 8 ? Number.POSITIVE_INFINITY : 8 + frame.readUInt32LE(4);
  if (headEnd > frame.length) throw new WireError('a move frame is shorter than its head');
  try {
    return {
      head: JSON.parse(frame.toString('utf8', 8, headEnd)) as Head,
      blob: frame.subarray(headEnd),
    };
  } catch (error) {
    throw new WireError('the head of a move frame is not JSON', { cause: error });
  }
}

function cursorHeadOf(cursor: Cursor | undefined): CursorHead | undefined {
  return cursor && { slot: cursor.slot, key: cursor.key.toString('base64url') };
}

function cursorOf(head: CursorHead | undefined): Cursor | undefined {
  return head && { slot: head.slot, key: Buffer.from(head.key, 'base64url') };
}

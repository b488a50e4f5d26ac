/** The bytes between two shards during a move: what is asked and given arrives as it was, and bytes that are neither are refused. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceReply, SourceRequest } from '../../src/rebalance/move.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import type { RowDelta } from '../../src/rebalance/row.ts';
import { WireError } from '../../src/wire/frame.ts';
import { moveReplyFrame, moveReplyOf, moveRequestFrame, moveRequestOf } from '../../src/wire/move-frame.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const slot = fc.nat(16_383);
const key = bytes(20);
const cursor = fc.option(fc.record({ slot, key }), { nil: undefined });
const version = fc.maxSafeNat();
const row = fc.record({ slot, key, version, contentType: fc.constant('a/b'), value: bytes(50) });
const changes: fc.Arbitrary<RowDelta[]> = fc.array(fc.oneof(row, fc.record({ slot, key })), { maxLength: 4 });
const ledger = fc.record({ results: bytes(60), upToLsn: version, isWhole: fc.boolean() });
const names = bytes(60);

const anyRequest: fc.Arbitrary<SourceRequest> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('page', 'names'),
    move: fc.nat(),
    after: cursor,
    step: fc.constantFrom('short', 'long'),
  }),
  fc.record({ kind: fc.constantFrom('changes', 'rest'), move: fc.nat(), ledgerSinceLsn: version }),
);
const anyReply: fc.Arbitrary<SourceReply> = fc.oneof(
  fc.record({ kind: fc.constant('page'), rows: fc.array(row, { maxLength: 4 }).map(PackedRows.of), next: cursor }),
  fc.record({ kind: fc.constant('names'), names, next: cursor }),
  fc.record({ kind: fc.constant('changes'), changes, names, left: fc.nat(), slotsUnsummed: fc.nat(), ledger }),
  fc.record({
    kind: fc.constant('rest'),
    changes,
    names,
    ledger,
    sum: fc.record({ keys: fc.nat(), bytes: fc.nat(), digest: version }),
    lsn: version,
    forgottenLsn: version,
  }),
  fc.record({
    kind: fc.constant('refusal'),
    code: fc.constantFrom('disk-full', 'rows-differ', 'move-unknown', 'source-lost'),
    reason: fc.string(),
  }),
);

/** A frame with this head, and no binary part. */
function frameOf(head: string): Buffer {
  const frame = Buffer.alloc(8 + Buffer.byteLength(head));
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt32LE(frame.length - 8, 4);
  frame.write(head, 8);
  return frame;
}

function expectWhole(frame: Buffer): void {
  expect(frame.readUInt32LE(0)).toBe(frame.length - 4);
}

test('requests arrive as they were sent', () => {
  fc.assert(
    fc.property(anyRequest, (request) => {
      const frame = moveRequestFrame(request);
      expectWhole(frame);
      expect(moveRequestOf(frame)).toEqual(request);
    }),
  );
});

test('replies arrive as they were sent', () => {
  fc.assert(
    fc.property(anyReply, (reply) => {
      const frame = moveReplyFrame(reply);
      expectWhole(frame);
      const arrived = moveReplyOf(frame);
      // Rows are compared as they are packed.
      const comparable = (one: SourceReply) => (one.kind === 'page' ? { ...one, rows: one.rows.bytes } : one);
      expect(comparable(arrived)).toEqual(comparable(reply));
      if (arrived.kind === 'page' && reply.kind === 'page') expect(arrived.rows.count).toBe(reply.rows.count);
    }),
  );
});

describe('what an older or a careless shard leaves out', () => {
  test('of a request is the careful choice', () => {
    expect(moveRequestOf(frameOf('{"kind":"page","move":1}'))).toEqual({
      kind: 'page',
      move: 1,
      after: undefined,
      step: 'short',
    });
    expect(moveRequestOf(frameOf('{"kind":"rest","move":1}'))).toEqual({ kind: 'rest', move: 1, ledgerSinceLsn: 0 });
  });

  test('of a reply counts as nothing, and never as the whole of it', () => {
    const nothing = Buffer.alloc(0);
    const ledger = { results: nothing, upToLsn: 0, isWhole: false };
    expect(moveReplyOf(frameOf('{"kind":"changes","changesBytes":0}'))).toEqual({
      ...{ kind: 'changes', changes: [], names: nothing, left: 0, slotsUnsummed: 0, ledger },
    });
    const sum = { keys: 0, bytes: 0, digest: 0 };
    expect(moveReplyOf(frameOf(`{"kind":"rest","changesBytes":0,"sum":${JSON.stringify(sum)}}`))).toEqual({
      ...{ kind: 'rest', changes: [], names: nothing, ledger, sum, lsn: 0, forgottenLsn: 0 },
    });
    expect(moveReplyOf(frameOf('{"kind":"refusal","changesBytes":0}'))).toEqual({
      kind: 'refusal',
      code: 'move-unknown',
      reason: 'no reason given',
    });
  });
});

describe('bytes that are no frame of a move', () => {
  test.each([
    ['a kind that there is not', '{"kind":"all","changesBytes":0}', /"all"/],
    ['a head that is not JSON', '{"kind":', /is not JSON/],
    ['a rest without its sum', '{"kind":"rest","changesBytes":0}', /without its sum/],
  ])('are refused: %s', (_what, head, message) => {
    expect(() => moveReplyOf(frameOf(head))).toThrow(WireError);
    expect(() => moveReplyOf(frameOf(head))).toThrow(message);
  });

  test('are refused as a request: a kind that there is not', () => {
    expect(() => moveRequestOf(frameOf('{"kind":"all","move":1}'))).toThrow(/cannot be asked for "all"/);
  });

  test('are refused when they end within their head, or hold rows that break off', () => {
    const reply = { kind: 'page', rows: PackedRows.of([]), next: undefined } as const;
    const frame = moveReplyFrame(reply);
    for (let length = 0; length < frame.length; length++) {
      expect(() => moveReplyOf(frame.subarray(0, length))).toThrow(WireError);
    }
    // Also where what is there of the head would do.
    const cut = frameOf('{"kind":"names","changesBytes":0}');
    cut.writeUInt32LE(cut.length - 7, 4);
    expect(() => moveReplyOf(cut)).toThrow(WireError);
    for (const kind of ['page', 'changes']) {
      const astray = Buffer.concat([frameOf(`{"kind":"${kind}","changesBytes":3}`), Buffer.from('abc')]);
      expect(() => moveReplyOf(astray)).toThrow(WireError);
    }
  });
});

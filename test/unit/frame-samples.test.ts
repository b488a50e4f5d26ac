/**
 * One of each kind of frame: it arrives as it was, and wherever it breaks off it is refused with the one error that
 * drops the connection, but where only its open end is shorter. The compiler demands a row for each kind.
 */

import { describe, expect, test } from 'vitest';
import { errorTable } from '../../src/kv/errors.ts';
import type { FeedPage } from '../../src/kv/feed.ts';
import { listLimitMax } from '../../src/kv/listing.ts';
import type { KeyOperation } from '../../src/kv/operation.ts';
import {
  type Answer,
  answerFrameBytes,
  answerOf,
  encodeAnswer,
  feedPageOf,
  movedAnswer,
  type PackedFeed,
  packedFeed,
} from '../../src/wire/answer-frame.ts';
import {
  framesWithin,
  routerHelloFrame,
  routerHelloOf,
  shardHelloFrame,
  shardHelloOf,
  WireError,
} from '../../src/wire/frame.ts';
import { FrameDecoder } from '../../src/wire/frame-decoder.ts';
import {
  type Asked,
  encodeRequest,
  isQuery,
  noResend,
  requestFrameBytes,
  requestOf,
} from '../../src/wire/request-frame.ts';

/** With the lengths at which it can be read: its own, and those at which what it holds could end as well. */
type Samples<Kind extends string, Frame> = Record<Kind, readonly (readonly [frame: Frame, readable: number[]])[]>;

const at = { slot: 3, key: Buffer.from('key') };
const idempotencyKey = { opId: Buffer.alloc(16, 7), fingerprint: Buffer.alloc(8, 8) };
const get: KeyOperation = { kind: 'get', ...at };
const listed = { after: undefined, delimiter: undefined, limit: 9, values: false, reverse: false };

const requests: Samples<Asked['kind'], Asked> = {
  get: [
    [get, [46]],
    [{ ...get, range: { from: -5, bytesMax: 9 }, condition: { ifMatch: [1, 2] } }, [80]],
  ],
  head: [[{ kind: 'head', ...at }, [46]]],
  put: [
    [{ kind: 'put', ...at, contentType: 'a/b', value: Buffer.from('12') }, [49, 50, 51]],
    [{ kind: 'put', ...at, contentType: '', value: Buffer.from('1'), expiresAtMs: 9, idempotencyKey }, [62, 63]],
  ],
  touch: [[{ kind: 'touch', ...at, ttlMs: 5 }, [54]]],
  delete: [[{ kind: 'delete', ...at, condition: { ifNoneMatch: '*' } }, [48]]],
  increment: [
    [{ kind: 'increment', ...at, by: -1n }, [54]],
    [{ kind: 'increment', ...at, by: 1n, ttlMs: 5 }, [62]],
  ],
  atomic: [
    [{ kind: 'atomic', slot: 3, operations: [] }, [43]],
    [{ kind: 'atomic', slot: 3, operations: [get, { kind: 'delete', ...at, idempotencyKey }] }, [43, 89, 143]],
  ],
  list: [
    [{ kind: 'list', slot: 0, epoch: 1, query: { ...listed, prefix: Buffer.alloc(0) } }, [52]],
    [
      {
        kind: 'list',
        slot: 0,
        epoch: 1,
        query: {
          ...{ prefix: Buffer.from('pre'), after: { kind: 'key', bytes: Buffer.from('prefix') } },
          ...{ delimiter: Buffer.from('/'), limit: listLimitMax, values: true, reverse: true },
        },
      },
      [62],
    ],
  ],
  feed: [[{ kind: 'feed', slot: 0, after: { lsn: 2 ** 40, carried: 3 }, rowsMax: 9 }, [57]]],
};

const found = { version: 5, contentType: 'a/b' };
const arrived = { kind: 'arrived', from: 2, sourceLsn: 7, forgottenLsn: 1, recordsBefore: 3, isLast: false } as const;
const answers: Samples<Exclude<Answer['kind'], 'feed'>, Answer> = {
  value: [
    [{ kind: 'value', ...found, value: Buffer.from('12') }, [39, 40, 41]],
    [{ kind: 'value', ...found, value: Buffer.from('1'), expiresAtMs: 2 ** 40 }, [39, 40]],
  ],
  part: [[{ kind: 'part', ...found, valueBytes: 9, first: 4, value: Buffer.from('12') }, [43, 44, 45]]],
  metadata: [[{ kind: 'metadata', ...found, valueBytes: 9 }, [39]]],
  absent: [[{ kind: 'absent' }, [36]]],
  created: [[{ kind: 'created', version: 5, expiresAtMs: 9 }, [36]]],
  replaced: [[{ kind: 'replaced', version: 5 }, [36]]],
  deleted: [[{ kind: 'deleted', version: 5 }, [36]]],
  counted: [
    [{ kind: 'counted', version: 5, number: -1n }, [36]],
    // Without its end it is a number that never expires.
    [{ kind: 'counted', version: 5, number: 1n, expiresAtMs: 9 }, [36, 44]],
  ],
  'precondition-failed': [[{ kind: 'precondition-failed', version: 5 }, [36]]],
  failed: [[{ kind: 'failed', code: 'disk-full', detail: 'Hm.' }, [36, 37, 38, 39]]],
  moved: [[movedAnswer, [36]]],
  batch: [
    [
      { kind: 'batch', outcomes: [{ kind: 'absent' }, { kind: 'value', ...found, value: Buffer.from('12') }] },
      [36, 72, 113],
    ],
  ],
  listing: [
    [{ kind: 'listing', entries: [], next: undefined }, [39]],
    [
      {
        kind: 'listing',
        entries: [
          { kind: 'prefix', key: Buffer.from('folder/') },
          { kind: 'key', key: Buffer.from('key'), ...found, valueBytes: 9 },
          { kind: 'key', key: Buffer.from('k'), ...found, valueBytes: 2, value: Buffer.from('12'), expiresAtMs: 9 },
        ],
        next: { kind: 'prefix', bytes: Buffer.from('folder/') },
      },
      [46, 77, 107, 137],
    ],
  ],
};
const feeds: Samples<'feed', FeedPage> = {
  feed: [
    [
      {
        ...{ kind: 'feed', epoch: 1, prunedLsn: 2, lsn: 3 },
        rows: [
          { lsn: 1, arrival: undefined, records: Buffer.from('records') },
          { lsn: 2, arrival: { kind: 'carried' }, records: Buffer.alloc(0) },
          { lsn: 3, arrival: arrived, records: Buffer.from('more') },
        ],
      },
      [36, 59, 93, 204],
    ],
  ],
};

function requestFrame(operation: Asked): Buffer {
  const frame = Buffer.alloc(requestFrameBytes(operation), 0xaa);
  // A client's name stands in the place of the op id.
  const opId = 'idempotencyKey' in operation && operation.idempotencyKey?.opId;
  encodeRequest(frame, 0, { requestId: 1, epoch: 1, operation, resend: { ...noResend, ...(opId && { opId }) } });
  return frame;
}

function answerFrame(answer: Answer): Buffer {
  const frame = Buffer.alloc(answerFrameBytes(answer), 0xaa);
  encodeAnswer(frame, 0, 1, answer);
  return frame;
}

const askedIn = (frame: Buffer) => requestOf(frame).operation;
const feedIn = (frame: Buffer) => feedPageOf(answerOf(frame) as PackedFeed);

/** The lengths at which what there is of the frame can be read. Nothing but a WireError is thrown at any other. */
function readableLengths(frame: Buffer, decode: (frame: Buffer) => unknown): number[] {
  const lengths: number[] = [];
  for (let length = 0; length <= frame.length; length++) {
    try {
      decode(frame.subarray(0, length));
      lengths.push(length);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  return lengths;
}

const rowsOf = <Kind extends string, Frame>(samples: Samples<Kind, Frame>) =>
  Object.entries(samples).flatMap(([kind, frames]) =>
    (frames as Samples<Kind, Frame>[Kind]).map(([frame, readable]) => [kind, frame, readable] as const),
  );

describe('arrives whole, and is read nowhere else than where it could end', () => {
  test.each(rowsOf(requests))('a request %s', (_kind, operation, readable) => {
    const frame = requestFrame(operation);
    expect(askedIn(frame)).toEqual(operation);
    expect(readableLengths(frame, askedIn)).toEqual(readable);
  });

  test.each(rowsOf(answers))('an answer %s', (_kind, answer, readable) => {
    const frame = answerFrame(answer);
    expect(answerOf(frame)).toEqual(answer);
    expect(readableLengths(frame, answerOf)).toEqual(readable);
  });

  test.each(rowsOf(feeds))('an answer %s', (_kind, page, readable) => {
    const frame = answerFrame(packedFeed(page));
    expect(feedIn(frame)).toEqual(page);
    expect(readableLengths(frame, feedIn)).toEqual(readable);
  });

  test('a hello', () => {
    const hellos = [routerHelloFrame(Buffer.from('session!')), shardHelloFrame({ shard: 3, lsn: 2 ** 40 })] as const;
    expect(hellos.map((frame) => frame.length)).toEqual([14, 16]);
    expect(readableLengths(hellos[0], routerHelloOf)).toEqual([14]);
    expect(readableLengths(hellos[1], shardHelloOf)).toEqual([16]);
  });
});

test('each frame says its own length', () => {
  const frames = [
    ...rowsOf(requests).map(([, operation]) => requestFrame(operation)),
    ...rowsOf(answers).map(([, answer]) => answerFrame(answer)),
    routerHelloFrame(Buffer.alloc(8)),
    shardHelloFrame({ shard: 1, lsn: 1 }),
  ];
  const decoded: Buffer[] = [];
  new FrameDecoder(1_000, (frame) => decoded.push(frame)).push(Buffer.concat(frames));
  expect(decoded).toEqual(frames);
  expect(framesWithin(Buffer.concat(frames))).toEqual(frames);
});

test('a listing and a page of the feed are asked of a shard as a whole, all else of a slot', () => {
  const queries = rowsOf(requests).filter(([, operation]) => isQuery(operation));
  expect(new Set(queries.map(([kind]) => kind))).toEqual(new Set(['list', 'feed']));
});

describe('is refused', () => {
  const known = (samples: Samples<string, unknown>) => Object.keys(samples).length;

  test('an operation or an outcome that there is not', () => {
    const unknown = (frame: Buffer, kind: number) =>
      Buffer.concat([frame.subarray(0, 8), Buffer.from([kind]), frame.subarray(9)]);
    for (const kind of [0, known(requests) + 1, 255]) {
      expect(() => requestOf(unknown(requestFrame(get), kind))).toThrow(`there is no operation ${kind}`);
    }
    for (const kind of [0, known(answers) + known(feeds) + 1, 255]) {
      expect(() => answerOf(unknown(answerFrame({ kind: 'absent' }), kind))).toThrow(`there is no outcome ${kind}`);
    }
  });

  test.each<[what: string, operations: readonly Asked[]]>([
    ['of another slot', [get, { ...get, slot: 4 }]],
    ['that are several themselves', [{ kind: 'atomic', slot: 3, operations: [get] }]],
    ['of a whole shard', [{ kind: 'feed', slot: 0, after: { lsn: 1, carried: 0 }, rowsMax: 1 }]],
  ])('an atomic operation with parts %s', (_whose, operations) => {
    const slot = operations[0]?.slot as number;
    const frame = requestFrame({ kind: 'atomic', slot, operations: operations as readonly KeyOperation[] });
    expect(() => requestOf(frame)).toThrow(WireError);
    expect(() => requestOf(frame)).toThrow('keys of one slot');
  });

  test.each(['batch', 'listing', 'moved', 'feed'] as const)('a batch of answers one of which is a %s', (kind) => {
    const inner = kind === 'feed' ? packedFeed(feeds.feed[0]?.[0] as FeedPage) : (answers[kind][0]?.[0] as Answer);
    const frame = answerFrame({ kind: 'batch', outcomes: [inner as never] });
    expect(() => answerOf(frame)).toThrow(WireError);
    expect(() => answerOf(frame)).toThrow(`${kind} is no answer within another one`);
  });

  test('an error that the table does not have', () => {
    const frame = answerFrame({ kind: 'failed', code: 'disk-full', detail: '' });
    frame.writeUInt16LE(Object.keys(errorTable).length, 10);
    expect(() => answerOf(frame)).toThrow(WireError);
  });

  test('a listing of more entries than a page has', () => {
    const query = { ...listed, prefix: Buffer.alloc(0), limit: listLimitMax + 1 };
    expect(() => requestOf(requestFrame({ kind: 'list', slot: 0, epoch: 1, query }))).toThrow(WireError);
  });

  test('an arrival in the feed that is not JSON', () => {
    const packedRows = Buffer.alloc(17);
    packedRows.writeUInt32LE(1, 8);
    packedRows.write('{', 16);
    const page: PackedFeed = { kind: 'feed', epoch: 1, prunedLsn: 1, lsn: 1, packedRows };
    expect(() => feedIn(answerFrame(page))).toThrow(WireError);
  });
});

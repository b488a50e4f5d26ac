/** Deleting all keys with a prefix: a deletion that breaks off goes on where it was. */

import { type Key, keyPartsOf, queryOf } from './key.ts';
import { piecesOf } from './pieces.ts';
import { isPassing, jittered, type OpenStream, pause, type Sender } from './sender.ts';
import { ShardliteError, type ShardliteErrorCode } from './shardlite-error.ts';
import type { CallOptions } from './write-options.ts';

export type Deletion = {
  /** Number of deleted keys, without those of which the answer was lost. */
  readonly deleted: number;
  /** Number of keys that stayed because they were written meanwhile. */
  readonly kept: number;
};

export type DeletionOptions = CallOptions & {
  /** Confirms an empty prefix: delete every key. */
  readonly all?: boolean;
  /** Called after each step. */
  readonly onProgress?: (soFar: Deletion) => void;
};

type Line = Deletion & {
  readonly next: string | null;
  readonly status?: number;
  readonly code?: ShardliteErrorCode;
  readonly detail?: string;
};

const mediaType = 'application/x-ndjson';
/** Between an answer that ended early and the next request. */
const againMs = 100;

export async function deletePrefix(
  sender: Sender,
  prefix: Key,
  { all, onProgress, signal }: DeletionOptions,
): Promise<Deletion> {
  const asked = { ...keyPartsOf({ prefix }), all: all ? 'true' : undefined };
  let done: Deletion = { deleted: 0, kept: 0 };
  let cursor: string | undefined;
  let movedOnAtMs = performance.now();
  for (;;) {
    const path = `/v1/kv${queryOf({ ...asked, cursor })}`;
    const stream = await sender.open({ method: 'DELETE', path, signal }, mediaType, sender.deadlineMs);
    const before = done;
    let last: Line | undefined;
    try {
      for await (const line of linesOf(stream)) {
        last = line;
        done = { deleted: before.deleted + line.deleted, kept: before.kept + line.kept };
        onProgress?.(done);
        if (line.next === null) return done;
        if (line.next !== cursor) movedOnAtMs = performance.now();
        cursor = line.next;
      }
    } finally {
      stream.close();
    }
    signal?.throwIfAborted();
    const refusal = refusalIn(last);
    const isOverdue = performance.now() - movedOnAtMs > sender.deadlineMs;
    if (isOverdue || (refusal !== undefined && !isPassing(refusal.status))) throw refusal ?? brokenOff;
    await pause(jittered(againMs), signal);
  }
}

const brokenOff = new ShardliteError('no-answer', 0, 'The deletion breaks off again and again.');

function refusalIn({ code, status = 0, detail = '' }: Partial<Line> = {}): ShardliteError | undefined {
  return code && new ShardliteError(code, status, detail);
}

async function* linesOf(stream: OpenStream): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of piecesOf(stream)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) yield JSON.parse(line) as Line;
  }
}

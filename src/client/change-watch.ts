/** The feed of changes, watched for as long as the caller wants: a stream that breaks off is opened again where it was. */

import { EventStream, type StreamEvent } from './event-stream.ts';
import { type Key, keyPartsOf, type NamedKey, namedKeyOf, queryOf } from './key.ts';
import { jittered, type OpenStream, pause, type Sender } from './sender.ts';

export type ChangesOptions = {
  /** Only keys that begin so. */
  readonly prefix?: Key;
  /** Only what comes after this position: the `id` of a change, or what `onPosition` was told. From now on without it. */
  readonly after?: string;
  /**
   * Told each position that is reached, also without a change for this prefix; at first as soon as the watch has begun.
   * A watch with `after` goes on there, within the few hours for which the service keeps changes.
   */
  readonly onPosition?: (id: string) => void;
  /** Ends the watch without an error. */
  readonly signal?: AbortSignal;
};

export type Change = NamedKey & {
  readonly type: 'put' | 'delete' | 'expire';
  /** Of the key, after the change. */
  readonly version: number;
  /** The position behind this change. */
  readonly id: string;
};

/** The service writes something each 15 s: after so long it, or the way to it, is gone. */
const silenceMs = 45_000;
/** Between two streams of which the first ended by itself. */
const reopenMs = 100;

export async function* watchChanges(sender: Sender, options: ChangesOptions): AsyncGenerator<Change, void, undefined> {
  const { prefix, after, onPosition, signal } = options;
  let position = after;
  const query = queryOf(keyPartsOf({ prefix }));
  // Once it has begun it comes back for as long as it takes.
  for (let deadlineMs = sender.deadlineMs; ; deadlineMs = Number.POSITIVE_INFINITY) {
    let stream: OpenStream | undefined;
    try {
      const headers: Record<string, string> = position === undefined ? {} : { 'last-event-id': position };
      stream = await sender.open({ method: 'GET', path: `/v1/changes${query}`, headers, signal }, deadlineMs);
      for await (const { id, type, data } of eventsOf(stream)) {
        position = id ?? position;
        if (data !== undefined && type !== undefined) yield changeOf(type, data, position as string);
        if (id !== undefined) onPosition?.(id);
      }
      await pause(jittered(reopenMs), signal);
    } catch (error) {
      if (signal?.aborted) return;
      throw error;
    } finally {
      stream?.close();
    }
  }
}

/** Ends with the stream, also when that breaks off. */
async function* eventsOf({ body, close }: OpenStream): AsyncGenerator<StreamEvent> {
  const events = new EventStream();
  const reader = body.getReader();
  for (;;) {
    const clock = setTimeout(close, silenceMs);
    const piece = await reader.read().catch(() => undefined);
    clearTimeout(clock);
    if (piece?.value === undefined) return;
    yield* events.take(piece.value);
  }
}

function changeOf(type: string, data: string, id: string): Change {
  const { key, keyBase64url, version } = JSON.parse(data);
  return { ...namedKeyOf(key, keyBase64url), type: type as Change['type'], version, id };
}

/** The feed of changes, watched for as long as the caller wants: a stream that breaks off is opened again where it was. */

import { describedOf, type Entry, type JsonEntry } from './entry.ts';
import { EventStream, type StreamEvent } from './event-stream.ts';
import { type Key, keyPartsOf, type NamedKey, namedKeyOf, queryOf } from './key.ts';
import { piecesOf } from './pieces.ts';
import { jittered, type OpenStream, pause, type Sender } from './sender.ts';

export type ChangesOptions = {
  /** Only keys that begin so. */
  readonly prefix?: Key;
  /** `start`: each key that is there comes first, as a put; then what changes. Without it, what changes from now on. */
  readonly from?: 'start' | 'now';
  /** Whether puts have their values. */
  readonly values?: boolean;
  /** Only what comes after this position: the `id` of a change, or what `onPosition` was told. It goes before `from`. */
  readonly after?: string;
  /**
   * Told each position that is reached, also without a change for this prefix; at first as soon as the watch has begun.
   * A watch with `after` goes on there, within the few hours for which the service keeps changes.
   */
  readonly onPosition?: (id: string) => void;
  /** Told once everything that was there has come, with `from: 'start'`. */
  readonly onLive?: () => void;
  /** Ends the watch without an error. */
  readonly signal?: AbortSignal;
};

export type Change = NamedKey & {
  readonly type: 'put' | 'delete' | 'expire';
  /** Of the key, after the change. */
  readonly version: number;
  /** With `values`, of a put: the value as the change left it, as `get` gives it. */
  readonly value?: unknown;
  readonly contentType?: string;
  /** Unix milliseconds; absent for never. */
  readonly expiresAt?: number;
  /** Set in place of the value where a later write has replaced it already: the change of that write comes, too. */
  readonly gone?: true;
  /** The position behind this change. */
  readonly id: string;
};

/** Between two streams of which the first ended by itself. */
const reopenMs = 100;

export async function* watchChanges(sender: Sender, options: ChangesOptions): AsyncGenerator<Change, void, undefined> {
  const { prefix, from, values, after, onPosition, onLive, signal } = options;
  let position = after;
  const query = queryOf({ ...keyPartsOf({ prefix }), from, values: values ? 'true' : undefined });
  // Once it has begun it comes back for as long as it takes.
  for (let deadlineMs = sender.deadlineMs; ; deadlineMs = Number.POSITIVE_INFINITY) {
    let stream: OpenStream | undefined;
    try {
      const headers: Record<string, string> = position === undefined ? {} : { 'last-event-id': position };
      stream = await sender.open({ method: 'GET', path: `/v1/changes${query}`, headers, signal }, deadlineMs);
      for await (const { id, type, data } of eventsOf(stream)) {
        position = id ?? position;
        if (type === 'live') onLive?.();
        else if (data !== undefined && type !== undefined) yield changeOf(type, data, position as string);
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

async function* eventsOf(stream: OpenStream): AsyncGenerator<StreamEvent> {
  const events = new EventStream();
  for await (const piece of piecesOf(stream)) yield* events.take(piece);
}

function changeOf(type: string, data: string, id: string): Change {
  const fields = JSON.parse(data) as JsonEntry & Pick<Change, 'gone'>;
  const { version, gone } = fields;
  const change = { ...namedKeyOf(fields.key, fields.keyBase64url), type: type as Change['type'], version, id };
  if (gone) return { ...change, gone };
  const { value, contentType, expiresAt } = describedOf(change, fields) as Entry;
  if (value === undefined) return change;
  return { ...change, value, contentType, ...(expiresAt !== undefined && { expiresAt }) };
}

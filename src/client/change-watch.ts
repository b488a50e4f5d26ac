/** The feed of changes, watched for as long as the caller wants: a stream that breaks off is opened again where it was. */

import { describedOf, type Entry, type JsonEntry } from './entry.ts';
import { EventStream, type StreamEvent } from './event-stream.ts';
import { type Key, keyPartsOf, type NamedKey, namedKeyOf, queryOf } from './key.ts';
import { piecesOf } from './pieces.ts';
import { jittered, type OpenStream, pause, type Sender } from './sender.ts';

export type ChangesOptions = {
  /** Only keys with this prefix. */
  readonly prefix?: Key;
  /** `start`: every existing key comes first, as a put, then each change. By default, changes from now on. */
  readonly from?: 'start' | 'now';
  /** Whether puts have their values. */
  readonly values?: boolean;
  /** Continue after this position: the `id` of a change, or a position of `onPosition`. It overrides `from`. */
  readonly after?: string;
  /**
   * Called with each position that is reached, even without a change for this prefix; first when the watch has begun. A
   * later watch can continue there with `after`, as long as the service keeps the changes since.
   */
  readonly onPosition?: (id: string) => void;
  /** Called once when every existing key has come, with `from: 'start'`. */
  readonly onLive?: () => void;
  /** Ends the watch without an error. */
  readonly signal?: AbortSignal;
};

export type Change = NamedKey & {
  readonly type: 'put' | 'delete' | 'expire';
  /** The version of the key after the change. */
  readonly version: number;
  /** With `values`, for a put: the value after the change, as `get` returns it. */
  readonly value?: unknown;
  readonly contentType?: string;
  /** When the value expires, in Unix milliseconds; absent for never. */
  readonly expiresAt?: number;
  /** Set instead of the value if a later write has already replaced it. The change of that write follows. */
  readonly gone?: true;
  /** The position after this change. */
  readonly id: string;
};

const mediaType = 'text/event-stream';
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
      stream = await sender.open(
        { method: 'GET', path: `/v1/changes${query}`, headers, signal },
        mediaType,
        deadlineMs,
      );
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

/** Events as text/event-stream writes them. Pure. */

import type { FeedEvent } from '../../kv/feed-merge.ts';
import { textOfPosition, type WatchPosition } from '../../kv/feed-position.ts';
import type { Row } from '../../kv/inventory.ts';
import { describedFields, keyFields, valueFields } from '../request/json-fields.ts';
import type { EventValue } from './event-values.ts';

/** What a browser waits before it comes back. */
const retryMs = 1_000;

export function beginText(position: WatchPosition): string {
  return `retry: ${retryMs}\nid: ${textOfPosition(position)}\n\n`;
}

/** With the position, which may have gone on without an event for this client. */
export function heartbeatText(position: WatchPosition): string {
  return `: heartbeat\nid: ${textOfPosition(position)}\n\n`;
}

/** @param value undefined where none is told */
export function changeText({ type, key, version }: FeedEvent, id: string, value?: EventValue): string {
  return eventText(type, id, { ...keyFields(key), ...valueTold(version, value) });
}

/** What is there, as if it were written now. */
export function rowText(row: Row, id: string): string {
  const { key, version, value } = row;
  return eventText('put', id, {
    ...keyFields(key),
    ...(value === undefined ? { version } : { ...describedFields(row), ...valueFields(value) }),
  });
}

/** From here on changes are told, and nothing that was there before. */
export function liveText(position: WatchPosition): string {
  return eventText('live', textOfPosition(position), {});
}

function valueTold(version: number, value: EventValue | undefined): object {
  if (value === undefined) return { version };
  return value === 'gone' ? { version, gone: true } : { ...describedFields(value), ...valueFields(value.value) };
}

function eventText(type: string, id: string, fields: object): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(fields)}\n\n`;
}

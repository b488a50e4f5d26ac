/** One client's stream of changes: reads on where the client is, and writes no faster than the client reads. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { KvError } from '../../kv/errors.ts';
import type { FeedSource, ShardId } from '../../kv/feed.ts';
import { type FeedEvent, FeedGone, FeedMerge, type FeedPosition, textOfPosition } from '../../kv/feed-merge.ts';
import type { Reach } from '../admission.ts';
import { keyFields } from '../request/json-fields.ts';
import type { FeedWatch } from './feed-watch.ts';

export const pageRows = 256;
/** Events are written in pieces of about this size. */
const pieceBytes = 64 * 1024;
/** So often something is written, that both ends know of each other. */
const heartbeatMs = 15_000;
/** A client that reads nothing for so long is cut off; it may come back, and goes on where it was. */
const slowReaderMs = 30_000;
/** What a browser waits before it comes back. */
const retryMs = 1_000;

export type ChangeStreamOptions = {
  readonly feed: FeedSource;
  readonly watch: FeedWatch;
  readonly position: FeedPosition;
  readonly reach: Reach;
};

export class ChangeStream {
  readonly #feed: FeedSource;
  readonly #watch: FeedWatch;
  readonly #reach: Reach;
  readonly #merge: FeedMerge;
  readonly #asked = new Set<ShardId>();
  /** Set once what comes next is not kept any more. */
  #gone: KvError | undefined;
  #isOver = false;
  /** Wakes whoever waits for rows. */
  #onRows = () => {};
  #writtenAtMs = 0;

  constructor({ feed, watch, position, reach }: ChangeStreamOptions) {
    this.#feed = feed;
    this.#watch = watch;
    this.#reach = reach;
    this.#merge = new FeedMerge(position);
  }

  /** Reads so far that it is known whether the position is still kept; what is wrong, or undefined. */
  async begin(): Promise<KvError | undefined> {
    await Promise.all(this.#ask());
    return this.#gone;
  }

  /** Until the client goes away, is too slow or may see no more, `end` is called, or what comes next is gone. */
  async run(response: ServerResponse): Promise<void> {
    // The client went away while the stream began: its 'close' has been, and will not come again.
    if (response.destroyed) return;
    response.on('close', () => this.end());
    // The client has gone: 'close' follows.
    response.on('error', () => {});
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // nginx gathers an answer before it passes it on, unless told not to: nobody would hear of anything.
      'x-accel-buffering': 'no',
    });
    await this.#write(response, `retry: ${retryMs}\nid: ${textOfPosition(this.#merge.position)}\n\n`);
    while (!this.#isOver && this.#reach.isInForce()) {
      this.#ask();
      const isNew = await this.#writeEvents(response);
      if (this.#gone !== undefined) break;
      if (!isNew && !this.#isOver) await this.#wait(response);
    }
    response.end();
  }

  /** Idempotent. */
  end(): void {
    this.#isOver = true;
    this.#onRows();
  }

  /** Asks each shard of whom more is wanted, and has not been asked yet. */
  #ask(): Promise<void>[] {
    const wanted = this.#merge.wanted(this.#feed.shards()).filter(({ shard }) => !this.#asked.has(shard));
    return wanted.map(async ({ shard, after }) => {
      this.#asked.add(shard);
      const page = await this.#feed.page(shard, after, pageRows);
      this.#asked.delete(shard);
      // A shard that is away is asked again; the others go on meanwhile.
      if (page.kind === 'failed') return;
      this.#guarded(() => this.#merge.offer(shard, page));
      if (page.rows.length > 0 || this.#gone !== undefined) this.#onRows();
    });
  }

  /** False when there were none. */
  async #writeEvents(response: ServerResponse): Promise<boolean> {
    const before = textOfPosition(this.#merge.position);
    const events = this.#merge.events(this.#feed.shards());
    let piece = '';
    for (;;) {
      const next = this.#guarded(() => events.next());
      if (next === undefined || next.done) break;
      if (!this.#reach.sees(next.value.key)) continue;
      piece += textOf(next.value, this.#merge.position);
      if (piece.length < pieceBytes) continue;
      await this.#write(response, piece);
      piece = '';
      if (this.#isOver) return false;
    }
    if (piece !== '') await this.#write(response, piece);
    return textOfPosition(this.#merge.position) !== before;
  }

  /** For rows that were asked for, for anything that is written, or for the next heartbeat. */
  async #wait(response: ServerResponse): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const heartbeat = new Promise<'heartbeat'>((resolve) => {
      timer = setTimeout(() => resolve('heartbeat'), this.#writtenAtMs + heartbeatMs - performance.now());
    });
    const rows = new Promise<void>((resolve) => {
      this.#onRows = resolve;
    });
    const more = this.#watch.more((shard) => this.#merge.lsnOf(shard));
    const first = await Promise.race([rows, more.come, heartbeat]);
    clearTimeout(timer);
    more.cancel();
    if (first !== 'heartbeat' || this.#isOver) return;
    // With the position, which may have gone on without an event for this client.
    await this.#write(response, `: heartbeat\nid: ${textOfPosition(this.#merge.position)}\n\n`);
  }

  async #write(response: ServerResponse, text: string): Promise<void> {
    this.#writtenAtMs = performance.now();
    if (response.write(text) || this.#isOver) return;
    const tooSlow = setTimeout(() => response.destroy(), slowReaderMs);
    await Promise.race([once(response, 'drain'), once(response, 'close')]).catch(() => {});
    clearTimeout(tooSlow);
  }

  #guarded<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof FeedGone)) throw error;
      this.#gone = new KvError('changes-gone', `${error.message}. List the keys, and watch from now on.`, {
        cause: error,
      });
      return undefined;
    }
  }
}

function textOf({ type, key, version }: FeedEvent, position: FeedPosition): string {
  const data = JSON.stringify({ ...keyFields(key), version });
  return `id: ${textOfPosition(position)}\nevent: ${type}\ndata: ${data}\n\n`;
}

/**
 * One client's stream of changes: reads on where the client is, and tells no faster than the client reads. At first it may
 * tell what is there (kv/inventory.ts).
 */

import type { ServerResponse } from 'node:http';
import type { KeyStore } from '../../access/restricted-store.ts';
import { KvError } from '../../kv/errors.ts';
import type { FeedSource, ShardId } from '../../kv/feed.ts';
import { type FeedEvent, FeedGone, FeedMerge } from '../../kv/feed-merge.ts';
import { textOfPosition, type WatchPosition } from '../../kv/feed-position.ts';
import { Inventory } from '../../kv/inventory.ts';
import { bytesOf as bytesOfEntry, type Listing, largestPage } from '../../kv/listing.ts';
import type { Reach } from '../admission.ts';
import { type BodyBudget, type BodyShare, noRoom } from '../body-budget.ts';
import { beginText, changeText, heartbeatText, liveText, rowText } from './event-text.ts';
import { bytesOfValue, type EventValue, valueOfEvent } from './event-values.ts';
import { EventWriter, sliceBytes } from './event-writer.ts';
import type { FeedWatch } from './feed-watch.ts';
import { positionNow } from './position-now.ts';

/** Of a ledger, at a time. */
export const pageRows = 256;
/** Events whose values are read at a time: they lie in memory together. */
const valuesAtATime = 16;

export type ChangeStreamOptions = {
  readonly feed: FeedSource;
  readonly watch: FeedWatch;
  readonly position: WatchPosition;
  /** Whether the client was told of this position. */
  readonly hasComeBack: boolean;
  readonly reach: Reach;
  /** What the client may read of: for values, and for what is there. */
  readonly store: KeyStore;
  readonly prefix: Buffer;
  /** Whether events have the values. */
  readonly values: boolean;
  readonly budget: BodyBudget;
};

type Told = { readonly event: FeedEvent; readonly id: string };

export class ChangeStream {
  readonly #options: ChangeStreamOptions;
  readonly #merge: FeedMerge;
  readonly #inventory: Inventory | undefined;
  readonly #asked = new Set<ShardId>();
  /** Set once what comes next is not kept any more. */
  #gone: KvError | undefined;
  #isOver = false;
  /** Whether rows have come since events were told last. */
  #hasRows = false;
  /** Wakes whoever waits for rows. */
  #onRows = () => {};
  /** What the page of keys that is not told yet takes of the budget. */
  #pageBytes = 0;

  constructor(options: ChangeStreamOptions) {
    const { position, hasComeBack } = options;
    this.#options = options;
    this.#merge = new FeedMerge(position);
    this.#inventory = position.listedTo && new Inventory(position.listedTo, hasComeBack);
  }

  /** Reads so far that it is known whether the position is still kept; what is wrong, or undefined. */
  async begin(): Promise<KvError | undefined> {
    await Promise.all(this.#ask());
    return this.#gone;
  }

  /**
   * Until the client goes away, is too slow or may see no more, `end` is called, or what comes next is gone or cannot be
   * read now: the client comes back then, and goes on where it was.
   */
  async run(response: ServerResponse): Promise<void> {
    // The client went away while the stream began: its 'close' has been, and will not come again.
    if (response.destroyed) return;
    const writer = new EventWriter(response, () => this.end());
    const share = this.#options.budget.shareOf(response);
    writer.begin();
    await writer.write(beginText(this.#position));
    try {
      while (!this.#isOver && this.#options.reach.isInForce()) {
        this.#ask();
        const isNew = await this.#tellEvents(writer, share);
        if (this.#gone !== undefined) break;
        const isListed = await this.#tellWhatIsThere(writer, share);
        // Where ledgers and keys are read in this very process, nothing else would get its turn.
        if (isNew || isListed) await new Promise((resolve) => setImmediate(resolve));
        else if (!this.#isOver) await this.#wait(writer);
      }
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
    }
    writer.end();
  }

  /** Idempotent. */
  end(): void {
    this.#isOver = true;
    this.#onRows();
  }

  get #position(): WatchPosition {
    return { ...this.#merge.position, listedTo: this.#inventory?.listedTo };
  }

  /** Asks each shard of whom more is wanted, and has not been asked yet. */
  #ask(): Promise<void>[] {
    const { feed } = this.#options;
    const wanted = this.#merge.wanted(feed.shards()).filter(({ shard }) => !this.#asked.has(shard));
    return wanted.map(async ({ shard, after }) => {
      this.#asked.add(shard);
      const page = await feed.page(shard, after, pageRows);
      this.#asked.delete(shard);
      // A shard that is away is asked again; the others go on meanwhile.
      if (page.kind === 'failed') return;
      this.#guarded(() => this.#merge.offer(shard, page));
      if (page.rows.length === 0 && this.#gone === undefined) return;
      this.#hasRows = true;
      this.#onRows();
    });
  }

  /** False when there were none. @throws KvError when a value cannot be read now */
  async #tellEvents(writer: EventWriter, share: BodyShare): Promise<boolean> {
    this.#hasRows = false;
    const before = textOfPosition(this.#merge.position);
    const events = this.#merge.events(this.#options.feed.shards());
    while (!this.#isOver) {
      const run = this.#nextRun(events);
      if (run.length === 0) break;
      await this.#tell(run, writer, share);
    }
    return textOfPosition(this.#merge.position) !== before;
  }

  /** What is told next, and fits into one slice or, with values, into memory. */
  #nextRun(events: Iterator<FeedEvent>): readonly Told[] {
    const { reach, values } = this.#options;
    const run: Told[] = [];
    for (let textBytes = 0; textBytes < sliceBytes && !(values && run.length === valuesAtATime); ) {
      const next = this.#guarded(() => events.next());
      if (next === undefined || next.done) break;
      const event = next.value;
      if (!reach.sees(event.key) || this.#inventory?.tells(event.key) === false) continue;
      const id = textOfPosition(this.#position);
      run.push({ event, id });
      textBytes += id.length + event.key.length;
    }
    return run;
  }

  /** @throws KvError when there is no room for a single value, or it cannot be read now */
  async #tell(run: readonly Told[], writer: EventWriter, share: BodyShare): Promise<void> {
    let values = this.#options.values ? await this.#valuesOf(run) : [];
    const bytes = values.reduce((sum, value) => sum + (value instanceof KvError ? 0 : bytesOfValue(value)), 0);
    const hasRoom = share.take(bytes);
    if (!hasRoom && run.length > 1) {
      values = [];
      const half = Math.ceil(run.length / 2);
      await this.#tell(run.slice(0, half), writer, share);
      return this.#tell(run.slice(half), writer, share);
    }
    if (!hasRoom) throw overloaded(this.#options.budget);
    let text = '';
    for (const [index, { event, id }] of run.entries()) {
      const value = values[index];
      if (value instanceof KvError) {
        await writer.write(text);
        throw value;
      }
      text += changeText(event, id, value);
    }
    await writer.write(text);
    share.give(bytes);
  }

  /** Of each event its value, or why it cannot be read now. */
  #valuesOf(run: readonly Told[]): Promise<readonly (EventValue | KvError | undefined)[]> {
    return Promise.all(
      run.map(({ event }) =>
        valueOfEvent(event, this.#options.store).catch((error: unknown) => {
          if (error instanceof KvError) return error;
          throw error;
        }),
      ),
    );
  }

  /** One step; false when there is none to be taken now. @throws KvError when keys cannot be listed now */
  async #tellWhatIsThere(writer: EventWriter, share: BodyShare): Promise<boolean> {
    const inventory = this.#inventory;
    if (inventory?.listedTo === undefined) return false;
    const { feed, budget } = this.#options;
    if (inventory.wantsPage) {
      const page = await this.#page(inventory);
      this.#pageBytes = bytesOfListing(page);
      if (!share.take(this.#pageBytes)) throw overloaded(budget);
      inventory.offer(page, (await positionNow(feed)).places);
    }
    const behind = inventory.behind((shard) => this.#merge.lsnOf(shard));
    if (behind.some((shard) => !feed.shards().includes(shard))) inventory.moveEnds((await positionNow(feed)).places);
    else if (behind.length > 0) return false;
    else {
      await this.#tellRows(inventory, writer);
      share.give(this.#pageBytes);
    }
    return true;
  }

  async #page({ after }: Inventory): Promise<Listing> {
    const { store, prefix, values } = this.#options;
    const page = await store.list(largestPage({ prefix, after, values }));
    if (page.kind === 'failed') throw new KvError(page.code, page.detail);
    return page;
  }

  async #tellRows(inventory: Inventory, writer: EventWriter): Promise<void> {
    let text = '';
    for (const row of inventory.rows()) {
      text += rowText(row, textOfPosition(this.#position));
      if (text.length < sliceBytes) continue;
      await writer.write(text);
      text = '';
      if (this.#isOver) return;
    }
    await writer.write(text);
    if (inventory.listedTo === undefined) await writer.write(liveText(this.#position));
  }

  /** For rows that were asked for, for anything that is written, or for the next heartbeat. */
  async #wait(writer: EventWriter): Promise<void> {
    if (this.#hasRows) return;
    let timer: NodeJS.Timeout | undefined;
    const heartbeat = new Promise<'heartbeat'>((resolve) => {
      timer = setTimeout(() => resolve('heartbeat'), writer.heartbeatInMs);
    });
    const rows = new Promise<void>((resolve) => {
      this.#onRows = resolve;
    });
    const more = this.#options.watch.more((shard) => this.#merge.lsnOf(shard));
    const first = await Promise.race([rows, more.come, heartbeat]);
    clearTimeout(timer);
    more.cancel();
    if (first === 'heartbeat' && !this.#isOver) await writer.write(heartbeatText(this.#position));
  }

  #guarded<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof FeedGone)) throw error;
      this.#gone = new KvError(
        'changes-gone',
        `${error.message}. List the keys, then watch from now on, or use from=start.`,
        {
          cause: error,
        },
      );
      return undefined;
    }
  }
}

/** About what the page takes in memory. */
function bytesOfListing({ entries }: Listing): number {
  return entries.reduce((sum, entry) => sum + entry.key.length + bytesOfEntry(entry), 0);
}

function overloaded(budget: BodyBudget): KvError {
  const { code, detail } = noRoom(budget);
  return new KvError(code, detail);
}

/** Clients that watch and hear nothing: with a clock that runs ahead, what they cost stays what it was. */

import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BodyBudget } from '../../src/http/body-budget.ts';
import { ChangeStream } from '../../src/http/changes/change-stream.ts';
import { FeedWatch } from '../../src/http/changes/feed-watch.ts';
import type { FeedPage, FeedSource } from '../../src/kv/feed.ts';

const hourMs = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** One shard whose ledger ends at `lsn`. */
class OneShard implements FeedSource {
  lsn = 0;
  asked = 0;

  shards() {
    return [1];
  }

  lastShard() {
    return 1;
  }

  async page(): Promise<FeedPage> {
    this.asked++;
    return { kind: 'feed', epoch: 1, prunedLsn: 0, lsn: this.lsn, rows: [] };
  }
}

/** What a stream needs that tells neither of values nor of what is there. */
const unused = {
  store: { execute: () => expect.fail('nothing is read'), list: () => expect.fail('nothing is listed') },
  prefix: Buffer.alloc(0),
  values: false,
  budget: new BodyBudget(0),
};

/** What a client would be sent. */
function sink(): { readonly response: ServerResponse; readonly text: () => string } {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  return { response: Object.assign(stream, { writeHead: () => {} }) as unknown as ServerResponse, text: () => text };
}

test('clients that hear nothing for eight hours leave nothing behind at each heartbeat', async () => {
  const feed = new OneShard();
  const watch = new FeedWatch(feed);
  const clients = Array.from({ length: 10 }, () => {
    const position = { places: new Map([[1, { lsn: 0, carried: 0 }]]), lastShard: 1 };
    const reach = { sees: () => true, isInForce: () => true };
    const stream = new ChangeStream({ hasComeBack: false, feed, watch, position, reach, ...unused });
    const { response, text } = sink();
    return { stream, text, over: stream.run(response) };
  });
  await vi.advanceTimersByTimeAsync(8 * hourMs);
  for (const { text } of clients) expect(text().match(/: heartbeat/g)?.length).toBeGreaterThan(1_900);
  expect(watch.waiting).toBe(clients.length);

  for (const { stream } of clients) stream.end();
  await Promise.all(clients.map(({ over }) => over));
  expect(watch.waiting).toBe(0);
});

test('while nobody waits nothing is asked, and whoever waits hears of a write once', async () => {
  const feed = new OneShard();
  const watch = new FeedWatch(feed);
  const heard = vi.fn();
  void watch.more(() => 0).come.then(heard);
  const given = watch.more(() => 0);
  void given.come.then(heard);
  given.cancel();
  feed.lsn = 1;
  await vi.advanceTimersByTimeAsync(1_000);
  expect([heard.mock.calls.length, watch.waiting]).toEqual([1, 0]);
  const { asked } = feed;
  await vi.advanceTimersByTimeAsync(hourMs);
  expect(feed.asked).toBe(asked);
});

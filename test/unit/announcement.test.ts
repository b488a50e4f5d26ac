/** An announcement that was lost is sent again, and one that is on its way is not. */

import { expect, test } from 'vitest';
import { Announcement } from '../../src/supervision/announcement.ts';
import type { Topology } from '../../src/supervision/messages.ts';

function topology(sequence: number): Topology {
  return { type: 'topology', sequence, slots: 2, epoch: 1, ranges: [[0, 1, 1]], shards: [], lastShard: 1 };
}

/** What is sent again after each heartbeat. */
function heard(announcement: Announcement, sequences: readonly number[]): (number | undefined)[] {
  return sequences.map((sequence) => {
    const again = announcement.heard(sequence);
    if (again !== undefined) announcement.sent(again);
    return again?.sequence;
  });
}

test('a child that twice in a row says an older topology is sent the newest again, until it goes by that', () => {
  const announcement = new Announcement();
  announcement.sent(topology(6));
  announcement.sent(topology(7));
  expect(heard(announcement, [5, 5, 5, 5, 7, 7, 7])).toEqual([
    undefined,
    7,
    undefined,
    7,
    undefined,
    undefined,
    undefined,
  ]);
});

test('one heartbeat that crosses an announcement on its way is no reason to send it again', () => {
  const announcement = new Announcement();
  for (let sequence = 1; sequence < 10; sequence++) {
    announcement.sent(topology(sequence));
    expect(heard(announcement, [sequence - 1, sequence])).toEqual([undefined, undefined]);
    announcement.sent(topology(sequence + 1));
    expect(heard(announcement, [sequence])).toEqual([undefined]);
  }
});

test('a child to which nothing was announced has missed nothing', () => {
  expect(heard(new Announcement(), [0, 0, 0])).toEqual([undefined, undefined, undefined]);
});

/**
 * What some worlds have besides: values that expire, a clock that somebody sets to another day, a disk that comes back as
 * an older copy of itself, and announcements that are lost. It is drawn apart, so that all other worlds, and what a seed shows there, stay as they are.
 */

import { Random } from '../support/random.ts';
import { pathOf } from './disks.ts';
import { type Clocks, newLife } from './scheduler.ts';
import type { SimulatedWorld } from './simulated-world.ts';

export type Oddities = {
  readonly random: Random;
  /** What the client of values that expire asks. */
  readonly sessionOperations: number;
  readonly clocks: Clocks;
  /** Of each, at each step. */
  readonly clockSet: number;
  readonly exchangedDisk: number;
  /** Of an announcement, where the network is hostile. */
  readonly dropAnnouncement: number;
};

const dayMs = 86_400_000;
const clockSetMsMax = 30_000;

export function odditiesOf(seed: number): Oddities {
  const random = new Random(seed + 2 ** 30);
  const clocks = random.pick(['one', 'apart'] as const);
  return {
    random,
    sessionOperations: 6 + random.below(8),
    clocks,
    clockSet: clocks === 'one' ? 0.02 * random.next() : 0,
    exchangedDisk: random.chance(0.5) ? 0.03 : 0,
    dropAnnouncement: random.chance(0.5) ? 0.4 * random.next() : 0,
  };
}

/** One step of a world in which nothing else went wrong. */
export function oddity(world: SimulatedWorld, { random, clockSet, exchangedDisk }: Oddities): void {
  if (random.chance(clockSet)) {
    const days = random.pick([-3, -1, 1, 3]);
    setClock(world, days * dayMs, random.below(clockSetMsMax));
  }
  if (random.chance(exchangedDisk) && world.shards.length > 0) {
    exchangeDisk(world, random.pick(world.shards).shard.shard);
  }
}

/** Somebody sets the clock of the machine to another day, and back after a while. */
function setClock(world: SimulatedWorld, aheadMs: number, forMs: number): void {
  const { scheduler, coverage, trace } = world;
  if (scheduler.dateAheadMs !== 0) return;
  coverage.setClocks++;
  trace.note(undefined, () => `the clock is set ${aheadMs} ms ahead for ${forMs} ms`);
  scheduler.dateAheadMs = aheadMs;
  scheduler.after(newLife('machine'), forMs, () => {
    trace.note(undefined, () => 'the clock is right again');
    scheduler.dateAheadMs = 0;
  });
}

/**
 * Somebody keeps a copy of a shard's file; and later the shard's process dies, and finds that copy in its place. Only one
 * that lacks what the primary knows to be acknowledged can be told from the file.
 */
function exchangeDisk(world: SimulatedWorld, shard: number): void {
  const { shards, disks, primary, coverage, trace } = world;
  const path = pathOf(shard);
  const life = shards.find((one) => one.shard.shard === shard)?.life;
  const acknowledged = primary?.record.files.acknowledgedLsn(shard) ?? 0;
  const copy = disks.copyOf(path);
  // A process may live longer than its file, which was removed.
  if (life === undefined || disks.at(path) === undefined || disks.isExchanged(path)) return;
  if (copy === undefined) return disks.keepCopy(path);
  if ((copy.prepare('SELECT coalesce(max(lsn), 0) FROM ledger').pluck().get() as number) >= acknowledged) return;
  coverage.exchangedDisks++;
  trace.note(undefined, () => `the disk ${path} is exchanged for an older copy`);
  disks.exchange(path);
  world.kill(life);
}

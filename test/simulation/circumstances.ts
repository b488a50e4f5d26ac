/**
 * What kind of world a seed makes: how many of everything, and which faults. Worlds differ a lot on purpose
 * ("swarm testing": a fault that is always there hides what happens without it).
 */

import { defaultHoldLimits, type HoldLimits } from '../../src/holding/hold-queue.ts';
import type { BatchLimits } from '../../src/rebalance/batch-size.ts';
import type { StepLimits } from '../../src/rebalance/step-limits.ts';
import { defaultLedgerLimits, type LedgerLimits } from '../../src/sqlite/ledger-table.ts';
import type { Random } from '../support/random.ts';
import type { Odds } from './fate.ts';
import type { Clocks } from './scheduler.ts';
import type { ControlOdds } from './streams.ts';

export type Circumstances = {
  /** At first. */
  readonly shards: number;
  readonly shardsMax: number;
  readonly routers: number;
  readonly clients: number;
  readonly slots: number;
  readonly keysPerSlot: number;
  readonly operations: number;
  /** One of so many writes has a name, and is sent again at the end. */
  readonly namedEvery: number;
  /** Topology changes that an operator asks for. */
  readonly changes: number;
  readonly batch: BatchLimits;
  readonly stepLimits: StepLimits;
  readonly ledger: LedgerLimits;
  readonly hold: HoldLimits;
  /** Who reads single keys: shards, or routers too. */
  readonly reads: 'forwarded' | 'direct';
  /** A child that dies once more is given up, until an operator restarts it. */
  readonly deathsMax: number;
  readonly clocks: Clocks;
};

export type Adversity = {
  /** Of each, at each step. */
  readonly crash: number;
  readonly primaryCrash: number;
  readonly stall: number;
  readonly breakConnection: number;
  readonly abort: number;
  readonly pause: number;
  readonly fullDisk: number;
  /** An operator reloads a shard. */
  readonly reload: number;
  readonly faultsMax: number;
  /** Steps until the last fault. */
  readonly steps: number;
  readonly odds: Odds;
  readonly control: ControlOdds;
};

export function circumstancesOf(random: Random, reads: Circumstances['reads']): Circumstances {
  // As many as there can be shards, at least: each may get one.
  const slots = 6 + random.below(2);
  return {
    shards: 1 + random.below(3),
    shardsMax: 6,
    // With one ring behind the other they find the files in between.
    routers: (reads === 'direct' ? 2 : 1) + random.below(2),
    clients: 1 + random.below(4),
    slots,
    keysPerSlot: 1 + random.below(2),
    operations: (10 + random.below(50)) * (reads === 'direct' ? 2 : 1),
    changes: 1 + random.below(3),
    batch: batchOf(random.pick([0.2, 0.2, 1, 6])),
    stepLimits: stepLimitsOf(1 + random.below(2), 1 + random.below(2)),
    ledger: random.chance(0.3)
      ? { rowsMin: 3, writesKept: 4, writesKeptMs: 1_000, rowsPruned: 2, bytesMax: 300 }
      : defaultLedgerLimits,
    hold: random.chance(0.2) ? { ...defaultHoldLimits, countMax: 1 + random.below(3) } : defaultHoldLimits,
    reads,
    namedEvery: 3,
    deathsMax: random.chance(0.3) ? 0 : 7,
    clocks: 'apart',
  };
}

/** @param rows of a batch; of less than one, every batch is of one slot */
export function batchOf(rows: number): BatchLimits {
  const limits = { rowsMin: rows, rowsMax: rows, bytesMax: 1_000_000 };
  return { ...limits, idle: { rows, bytes: limits.bytesMax } };
}

/** Steps of so few rows that each move takes many. */
export function stepLimitsOf(pageRows: number, purgeRows: number): StepLimits {
  const page = { rowsMax: pageRows, bytesMax: 1_000_000 };
  return {
    page: { short: page, long: page },
    ledger: { commitsMax: 2 * pageRows, bytesMax: 1_000_000 },
    rowsWiped: { short: purgeRows, long: purgeRows },
    fewChanges: 0,
    purge: { rowsMax: purgeRows, pagesMax: 2 },
  };
}

/** Ordered: control messages come one after the other, as fork IPC gives them. Hostile: any network's. */
export type ControlKind = 'ordered' | 'hostile';

/** @param only worlds of this kind alone */
export function adversityOf(random: Random, only: ControlKind | undefined, reads: Circumstances['reads']): Adversity {
  const sometimes = (probability: number, value: number) => (random.chance(probability) ? value * random.next() : 0);
  const control = random.chance(0.5) ? 'hostile' : 'ordered';
  const isHostile = (only ?? control) === 'hostile';
  return {
    crash: sometimes(0.7, 0.02),
    primaryCrash: sometimes(0.4, 0.01),
    stall: sometimes(0.4, 0.02),
    breakConnection: sometimes(0.5, 0.05),
    abort: sometimes(0.3, 0.01),
    pause: sometimes(0.3, 0.01),
    fullDisk: sometimes(0.4, 0.02),
    reload: sometimes(0.3, 0.01),
    faultsMax: 1 + random.below(12),
    steps: 100 + random.below(400),
    odds: { strike: sometimes(0.6, 0.02), hurriedTimer: sometimes(0.7, 0.15), lag: sometimes(0.6, 0.1) },
    control: {
      isOrdered: !isHostile,
      // A router and the source of a move that both have the older ring are what direct reads have to be safe from.
      late: isHostile && reads === 'direct' ? 0.4 : 0,
      drop: isHostile ? sometimes(0.5, 0.1) : 0,
      dropAnnouncement: 0,
      duplicate: isHostile ? sometimes(0.7, 0.3) : 0,
    },
  };
}

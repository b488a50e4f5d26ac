/**
 * What kind of world a seed makes: how many of everything, and which faults. Worlds differ a lot on purpose
 * ("swarm testing": a fault that is always there hides what happens without it).
 */

import type { ControlOdds } from './connection.ts';
import type { Odds } from './fate.ts';
import type { Random } from './random.ts';

export type Circumstances = {
  readonly shards: number;
  readonly routers: number;
  readonly clients: number;
  readonly slots: number;
  readonly keysPerSlot: number;
  readonly operations: number;
  /** Topology changes that an operator asks for. */
  readonly changes: number;
  /** The longest batch. */
  readonly batchSlots: number;
  readonly pageRows: number;
  readonly purgeRows: number;
  readonly ledgerRowsMax: number;
  readonly pendingMax: number;
  /** How likely a shard that died is given up, until an operator restarts it. */
  readonly givesUp: number;
};

export type Adversity = {
  /** Of each, at each step. */
  readonly crash: number;
  readonly primaryCrash: number;
  readonly stall: number;
  readonly breakConnection: number;
  readonly abort: number;
  readonly fullDisk: number;
  readonly faultsMax: number;
  /** Steps until the last fault. */
  readonly steps: number;
  readonly odds: Odds;
  readonly control: ControlOdds;
};

export function circumstancesOf(random: Random): Circumstances {
  return {
    shards: 2 + random.below(2),
    routers: 1 + random.below(2),
    clients: 1 + random.below(4),
    slots: 1 + random.below(3),
    keysPerSlot: 1 + random.below(2),
    operations: 10 + random.below(70),
    changes: 1 + random.below(5),
    batchSlots: 1 + random.below(3),
    pageRows: 1 + random.below(2),
    purgeRows: 1 + random.below(2),
    ledgerRowsMax: random.chance(0.3) ? 4 : 1_000,
    pendingMax: random.chance(0.2) ? 1 + random.below(3) : 1_000,
    givesUp: random.chance(0.3) ? 0.5 : 0,
  };
}

/** Ordered: control messages come one after the other, as fork IPC gives them. Hostile: any network's. */
export type ControlKind = 'ordered' | 'hostile';

/** @param only worlds of this kind alone */
export function adversityOf(random: Random, only: ControlKind | undefined): Adversity {
  const sometimes = (probability: number, value: number) => (random.chance(probability) ? value * random.next() : 0);
  const control = random.chance(0.5) ? 'hostile' : 'ordered';
  const isHostile = (only ?? control) === 'hostile';
  return {
    crash: sometimes(0.7, 0.02),
    primaryCrash: sometimes(0.4, 0.01),
    stall: sometimes(0.4, 0.02),
    breakConnection: sometimes(0.5, 0.05),
    abort: sometimes(0.3, 0.01),
    fullDisk: sometimes(0.4, 0.02),
    faultsMax: 1 + random.below(12),
    steps: 100 + random.below(600),
    odds: { strike: sometimes(0.6, 0.02), hurriedTimer: sometimes(0.7, 0.15), lag: sometimes(0.6, 0.1) },
    control: {
      isOrdered: !isHostile,
      drop: isHostile ? sometimes(0.5, 0.1) : 0,
      duplicate: isHostile ? sometimes(0.7, 0.3) : 0,
    },
  };
}

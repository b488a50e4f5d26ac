/** A topology change: what an operator asks for, how far it is, and what has come of it. Types only. */

import type { Ring, Weights } from '../partition/ring.ts';

export type ChangeKind = 'add-shard' | 'remove-shard' | 'rebalance';
export type ChangeRequest = {
  readonly kind: ChangeKind;
  /** `add-shard`: how many, and of what weight. */
  readonly count?: number;
  readonly weight?: number;
  /** `remove-shard`. */
  readonly shard?: number;
  /** `rebalance`: the weights to change, by shard. */
  readonly weights?: readonly (readonly [shard: number, weight: number])[];
  /** Of a plan that was kept: refuse unless the ring is still at this epoch. */
  readonly epoch?: number;
  /** Of a plan: refuse if another change was asked for since this one; 0 if there had been none. */
  readonly lastChange?: number;
};

export type ChangeState = 'queued' | 'running' | 'undoing' | 'done' | 'aborted';

export type TopologyChange = {
  readonly id: number;
  readonly kind: ChangeKind;
  readonly request: ChangeRequest;
  readonly state: ChangeState;
  /** An operator wants it to rest: no batch of it begins, and no other change. */
  readonly isPaused: boolean;
  /** Why it was aborted or is being undone. */
  readonly reason: string;
  readonly weightsBefore: Weights;
  /** Who owned what when it began; null while it is queued. To undo it is to give every slot back. */
  readonly ringBefore: Ring | null;
  /** Wanted, once it has begun; a shard without one gives its slots away and ends. */
  readonly weights: Weights;
  readonly askedAtMs: number;
  /** Null while it is queued. */
  readonly beganAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly done: ChangeFigures;
};

/** What a change has done so far: only committed moves count. */
export type ChangeFigures = {
  readonly slots: number;
  readonly rows: number;
  /** Bytes of rows as they travel. */
  readonly bytes: number;
  /** The longest freeze of a batch of slots. */
  readonly freezeMaxMs: number;
  /** Answers with status 500 or above during the change, whatever their cause. */
  readonly failures: number;
};

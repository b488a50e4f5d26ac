/**
 * What rebalancing needs of the world around it. The primary and the shards have one implementation of each, the
 * simulator another.
 */

import type { Ring, Weights } from '../partition/ring.ts';
import type { Move, MoveId, MoveOrder, SourceReply, SourceRequest } from './move.ts';
import type { SlotStorage } from './slot-storage.ts';
import type { ChangeFigures, ChangeRequest, TopologyChange } from './topology-change.ts';

/** A process that holds slots, as the primary sees it. */
export interface Member {
  readonly id: number;
  /** Whether it serves, is on its way, or was given up. */
  readonly state: 'ready' | 'failed' | 'away';
  /** As it told last; undefined while there is no process. */
  readonly held: { readonly keys: number | null; readonly bytes: number | null } | undefined;
}

export interface Members {
  /** By ascending id. */
  members(): readonly Member[];
  member(id: number): Member | undefined;
  /** Starts its process. Idempotent. */
  addShard(id: number): void;
  /**
   * Ends its process: `onRemoved` of the rebalancer tells when it has ended. It must own nothing any more. Idempotent.
   */
  removeShard(id: number): void;
  /** Nothing comes of it when the process is away: its death is told. */
  order(shard: number, order: Omit<MoveOrder, 'sourceSocket'>): void;
  /** Tells every process the ring as it is. */
  announce(): void;
}

/** What is durable about the topology: each method that changes something is one transaction. */
export interface TopologyRecord {
  readonly ring: Ring;
  /** Every shard that has a process, ascending. */
  weights(): Weights;
  /** The lowest id that no shard ever had. */
  nextShardId(): number;
  addChange(request: ChangeRequest, askedAtMs: number): TopologyChange;
  beginChange(id: number, weights: Weights, beganAtMs: number): void;
  refuseChange(id: number, reason: string, endedAtMs: number): void;
  undoChange(id: number, reason: string, isPaused: boolean): void;
  pauseChange(id: number, isPaused: boolean): void;
  endChange(id: number, state: 'done' | 'aborted', endedAtMs: number, figures: ChangeFigures): void;
  change(id: number): TopologyChange;
  /** Of the change that was asked for last; 0 before the first. */
  lastChangeId(): number;
  /** Those that are not over, in the order in which they were asked for. */
  openChanges(): TopologyChange[];
  openMove(change: number, move: Omit<Move, 'id'>): Move;
  commitMove(move: Move): void;
  finishMove(id: MoveId, figures: ChangeFigures): void;
  abortMove(id: MoveId, reason: string): void;
  /** Whether an error of any of these says that there was no room, and that nothing was done. */
  isDiskFull(error: unknown): boolean;
}

/** What clients see of the service, as those who answer them tell. */
export interface ClientView {
  readonly operationsPerS: number;
  /** Over ten seconds; null when there were no operations. */
  readonly p99Ms: number | null;
  /** Over the last second. */
  readonly intervalP99Ms: number | null;
}

export type SourceConnectionEvents = {
  readonly onReply: (reply: SourceReply) => void;
  /** Once, unless it was closed from here. */
  readonly onLost: () => void;
};

/** The target's way to the source. */
export interface SourceConnection {
  request(request: SourceRequest): void;
  close(): void;
}

/** How a shard takes part in moves: its file beyond what a move itself needs. */
export interface ParticipantStorage extends SlotStorage {
  /** Rows that move write many pages: while they do so beside clients, checkpoints are small. */
  isMovingBesideClients: boolean;
  /**
   * Makes the notes of moves true to the ring. Idempotent.
   * @param isOpen moves that this process takes part in right now
   * @returns the moves whose slots have come or left by this
   */
  settle(ring: Ring, shard: number, isOpen: (move: MoveId) => boolean): MoveId[];
  /** Deletes some orphaned rows and gives some free pages back to the disk; false when there is neither. */
  purgeStep(limits: { readonly rowsMax: number; readonly pagesMax: number }): boolean;
  /** Whether an error of any method says that there was no room, and that nothing was done. */
  isDiskFull(error: unknown): boolean;
}

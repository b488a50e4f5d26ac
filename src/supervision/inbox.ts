/**
 * What a child does with what the primary tells it, in whatever order that comes. A topology may overtake the start
 * message, and an older one a newer; anything else may come before the child is ready. Once it serves, it says so, and
 * how it is from then on. No I/O: the simulator drives the same class.
 *
 *   idle ──start──▶ starting ──begun──▶ working ──drain──▶ draining
 *                                          └──retire──▶ retiring ──drain──▶ draining
 */

import type { Measure } from '../metrics/measure.ts';
import type { Clock } from '../ports/clock.ts';
import type { MoveOrder } from '../rebalance/move.ts';
import { tellHealth } from './heartbeat.ts';
import type {
  AccessMessage,
  Health,
  MessageToChild,
  MessageToPrimary,
  SnapshotOrder,
  StartClone,
  StartRouter,
  StartShard,
  Topology,
} from './messages.ts';
import type { ProfileOrder } from './profile-file.ts';

export type WorkerJob = {
  /** Also after `drain`: then as it was at the end. */
  readonly health: () => Health;
  /** Clones need no topology: they share one store. */
  readonly adopt?: (topology: Topology) => void;
  /** Who may come in from now on: of those who serve clients. */
  readonly onAccess?: (access: AccessMessage) => void;
  /** A shard's part in a move. */
  readonly onOrder?: (order: MoveOrder) => void;
  /** A walk over its file; the report goes to the primary by itself. */
  readonly audit?: (id: number) => void;
  /** What only this process knows to tell whoever scrapes the service. */
  readonly measures: () => readonly Measure[];
  /** A part in a snapshot of all files, of those who have one. */
  readonly onSnapshot?: (order: SnapshotOrder) => void;
  /** Lets clients go, and resolves when none is left. Of those alone whose successor serves beside them. */
  readonly retire?: () => Promise<void>;
  /** Finishes what is under way and lets go of everything. */
  readonly drain: () => Promise<void>;
};

export type StartMessage = StartShard | StartRouter | StartClone;

export type InboxPorts = {
  readonly clock: Clock;
  readonly tell: (message: MessageToPrimary) => void;
};

export type InboxEvents<M extends StartMessage> = {
  /** The child's work may begin; whoever begins it says `begun` when it serves. Once. */
  readonly onStart: (start: M) => void;
  /** The primary wants to know what this child measures. */
  readonly onMeasure: (id: number, job: WorkerJob) => void;
  /** The child lets go of everything, and ends. Undefined when its work never began. Once. */
  readonly onDrain: (job: WorkerJob | undefined) => void;
  /** The primary wants a profile of this process, whatever it does. */
  readonly onProfile?: (order: ProfileOrder) => void;
  /** The child lets clients go, drains and ends. Once. */
  readonly onRetire?: (job: WorkerJob) => void;
};

export class Inbox<M extends StartMessage> {
  readonly #type: M['type'];
  readonly #ports: InboxPorts;
  readonly #events: InboxEvents<M>;
  #state: 'idle' | 'starting' | 'working' | 'retiring' | 'draining' = 'idle';
  #job: WorkerJob | undefined;
  /** Of the newest topology that has come; 0 before the first. */
  #sequence = 0;
  /** Came before the child was ready, and is newer than that of its start message. */
  #early: Topology | undefined;
  /** Came while the child was starting. */
  #waiting: MessageToChild[] = [];

  constructor(type: M['type'], ports: InboxPorts, events: InboxEvents<M>) {
    this.#type = type;
    this.#ports = ports;
    this.#events = events;
  }

  receive(message: MessageToChild): void {
    switch (message.type) {
      case 'topology':
        return this.#onTopology(message);
      case this.#type:
        return this.#onStart(message as M);
      case 'drain':
        if (this.#state === 'starting') this.#waiting.push(message);
        else this.#drain();
        return;
      case 'retire':
        return this.#retire();
      case 'access':
      case 'move':
      case 'audit':
      case 'measure':
      case 'snapshot':
        if (this.#state === 'starting') this.#waiting.push(message);
        else if (this.#state === 'working' || this.#state === 'retiring') this.#carryOut(message);
        return;
      case 'profile':
        return this.#events.onProfile?.(message);
      case 'reopen-log':
      case 'primary-heartbeat':
        return;
    }
  }

  /** The child serves. */
  begun(job: WorkerJob): void {
    this.#state = 'working';
    this.#job = job;
    if (this.#early !== undefined) job.adopt?.(this.#early);
    this.#early = undefined;
    for (const message of this.#waiting.splice(0)) this.receive(message);
    const { clock, tell } = this.#ports;
    tell({ type: 'ready' });
    tellHealth(clock, { health: () => job.health(), sequence: () => this.#sequence }, tell);
  }

  #onTopology(topology: Topology): void {
    if (topology.sequence <= this.#sequence) return;
    this.#sequence = topology.sequence;
    // Also while it retires: clients are served to the last.
    if (this.#job === undefined) this.#early = topology;
    else if (this.#state !== 'draining') this.#job.adopt?.(topology);
  }

  #onStart(start: M): void {
    if (this.#state !== 'idle') return;
    this.#state = 'starting';
    if ('topology' in start) {
      if (this.#early !== undefined && this.#early.sequence <= start.topology.sequence) this.#early = undefined;
      this.#sequence = Math.max(this.#sequence, start.topology.sequence);
    }
    this.#events.onStart(start);
  }

  #carryOut(message: Extract<MessageToChild, { type: 'access' | 'move' | 'audit' | 'snapshot' | 'measure' }>): void {
    const job = this.#job as WorkerJob;
    switch (message.type) {
      case 'move':
        return job.onOrder?.(message);
      case 'access':
        return job.onAccess?.(message);
      case 'audit':
        return job.audit?.(message.id);
      case 'snapshot':
        return job.onSnapshot?.(message);
      case 'measure':
        return this.#events.onMeasure(message.id, job);
    }
  }

  #retire(): void {
    if (this.#state !== 'working' || this.#job === undefined) return;
    this.#state = 'retiring';
    this.#events.onRetire?.(this.#job);
  }

  #drain(): void {
    if (this.#state === 'draining') return;
    this.#state = 'draining';
    this.#events.onDrain(this.#job);
  }
}

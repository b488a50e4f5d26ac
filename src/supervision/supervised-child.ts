/**
 * One child process under supervision: it carries out what the state machine asks (fork, kill, drain, timers)
 * and feeds it what happens. It decides nothing itself.
 */

import type { Clock, Timer } from '../ports/clock.ts';
import type { MoveReport } from '../rebalance/move.ts';
import {
  type ChildEffect,
  type ChildEvent,
  type ChildState,
  type ChildStateName,
  firstStep,
  isGivenUp,
  type KillReason,
  nextStep,
  type RestartPolicy,
  type Step,
} from './child-state.ts';
import { Deferred } from './deferred.ts';
import { Silence } from './heartbeat.ts';
import {
  type AuditReportMessage,
  type Health,
  type MeasuresMessage,
  type MessageToChild,
  type MessageToPrimary,
  parseMessageToPrimary,
  type SnapshotPinned,
  type StoreReport,
} from './messages.ts';

/** What of Node's ChildProcess is used; the simulator has another. */
export interface ForkedProcess {
  readonly pid?: number | undefined;
  readonly connected: boolean;
  send(message: MessageToChild, done: () => void): unknown;
  kill(signal: 'SIGKILL'): unknown;
  on(event: 'exit', run: (code: number | null, signal: NodeJS.Signals | null) => void): unknown;
  on(event: 'message', run: (message: unknown) => void): unknown;
  on(event: 'error', run: () => void): unknown;
}

export type ShardSockets = { readonly forRouters: string; readonly forMoves: string };

export type ChildSpec = {
  /** e.g. `shard-2` */
  readonly name: string;
  readonly role: 'shard' | 'router' | 'clone';
  /** Its id, where it is a shard. */
  readonly shard: number | null;
  readonly fork: () => ForkedProcess;
  /** Its first message, made anew for each life. */
  readonly startMessage: () => MessageToChild;
};

export type ChildDeath = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Where the supervisor itself killed it. */
  readonly killedFor: KillReason | undefined;
};

/** Why a process ended though nobody had asked it to, and when, in Unix milliseconds. */
export type LastDeath = ChildDeath & { readonly atMs: number };

/** Whoever wants to know: of what a listener does not name it is not told. */
export type ChildListener = {
  readonly onState?: (child: SupervisedChild, before: ChildStateName) => void;
  readonly onDeath?: (child: SupervisedChild, death: ChildDeath) => void;
  readonly onHealth?: (child: SupervisedChild, health: Health) => void;
  readonly onStoreReport?: (child: SupervisedChild, report: StoreReport) => void;
  /** A router answered so many requests with a status from 500 on. */
  readonly onFailures?: (count: number) => void;
  readonly onAuditReport?: (report: AuditReportMessage) => void;
  readonly onMeasures?: (child: SupervisedChild, report: MeasuresMessage) => void;
  readonly onSnapshotPinned?: (child: SupervisedChild, pinned: SnapshotPinned) => void;
  /** What a shard says of a move. */
  readonly onMoveReport?: (report: MoveReport) => void;
};

export type SupervisedChildOptions = {
  readonly policy: RestartPolicy;
  readonly listener: ChildListener;
  readonly clock: Clock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
};

export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #options: SupervisedChildOptions;
  #state: ChildState | undefined;
  #process: ForkedProcess | undefined;
  #timer: Timer | undefined;
  #lives = 0;
  #forkedAtMs = 0;
  #health: Health | undefined;
  #killedFor: KillReason | undefined;
  #lastDeath: LastDeath | undefined;
  readonly #silence = new Silence();
  #refusal: string | undefined;
  /** The process that said why it would not serve. */
  #refuser: ForkedProcess | undefined;
  readonly #stopped = new Deferred<void>();

  constructor(spec: ChildSpec, options: SupervisedChildOptions) {
    this.spec = spec;
    this.#options = options;
  }

  get state(): ChildStateName {
    return this.#state?.name ?? 'starting';
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get restarts(): number {
    return Math.max(0, this.#lives - 1);
  }

  /** Of the current process; undefined while there is none. */
  get uptimeMs(): number | undefined {
    return this.#process === undefined ? undefined : this.#options.clock.nowMs() - this.#forkedAtMs;
  }

  /** It has failed, and is at most tried again now and then. */
  get isGivenUp(): boolean {
    return isGivenUp(this.state);
  }

  /** Resolves in the state `stopped`, which is final. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** The latest report of the current process. */
  get health(): Health | undefined {
    return this.#health;
  }

  /** Why its last process would not serve. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  get lastDeath(): LastDeath | undefined {
    return this.#lastDeath;
  }

  start(): void {
    this.#take(firstStep(this.#options.policy));
  }

  drain(): void {
    this.#on({ kind: 'drain' });
  }

  restart(): void {
    this.#on({ kind: 'restart' });
  }

  send(message: MessageToChild): void {
    // A failed send means that the process is ending: its exit event follows.
    if (this.#process?.connected) this.#process.send(message, () => {});
  }

  /** One interval of heartbeats has passed: this child is told of ours, and its own are missed. */
  tick(): void {
    this.send({ type: 'primary-heartbeat' });
    if (this.state !== 'ready' && this.state !== 'silent') return;
    const hearing = this.#silence.tick();
    if (hearing !== 'heard') this.#on({ kind: hearing });
  }

  #on(event: ChildEvent): void {
    if (this.#state === undefined) return;
    this.#take(nextStep(this.#state, event, this.#options));
  }

  #take({ state, effects }: Step): void {
    const before = this.state;
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (state.name !== before) this.#options.listener.onState?.(this, before);
    if (state.name === 'stopped') this.#stopped.resolve();
  }

  #carryOut(effect: ChildEffect): void {
    switch (effect.kind) {
      case 'fork':
        return this.#fork();
      case 'kill':
        this.#killedFor ??= effect.why;
        this.#process?.kill('SIGKILL');
        return;
      case 'ask-to-drain':
        return this.send({ type: 'drain' });
      case 'set-timer':
        this.#timer?.cancel();
        this.#timer = this.#options.clock.after(effect.delayMs, () => this.#on({ kind: 'timeout' }));
        return;
      case 'clear-timer':
        this.#timer?.cancel();
        return;
    }
  }

  #fork(): void {
    const forked = this.spec.fork();
    this.#process = forked;
    this.#lives++;
    this.#forkedAtMs = this.#options.clock.nowMs();
    this.#health = undefined;
    this.#killedFor = undefined;
    this.#silence.heard();
    // Where the fork itself failed there is no 'exit'.
    forked.on('error', () => {
      if (forked.pid === undefined) this.#onExit(forked, null, null);
    });
    forked.on('exit', (code, signal) => this.#onExit(forked, code, signal));
    // What a process said may arrive after its end: it is not said by its successor.
    forked.on('message', (raw) => {
      if (this.#process === forked) this.#onMessage(parseMessageToPrimary(raw));
    });
  }

  #onExit(forked: ForkedProcess, code: ChildDeath['code'], signal: ChildDeath['signal']): void {
    if (this.#process !== forked) return;
    this.#process = undefined;
    this.#health = undefined;
    if (this.#refuser === forked) return this.#on({ kind: 'refused' });
    this.#refusal = undefined;
    const death = { code, signal, killedFor: this.#killedFor };
    if (this.state !== 'draining') {
      this.#lastDeath = { ...death, atMs: this.#options.clock.dateMs() };
      this.#options.listener.onDeath?.(this, death);
    }
    this.#on({ kind: 'exited', atMs: this.#options.clock.nowMs() });
  }

  #onMessage(message: MessageToPrimary): void {
    this.#silence.heard();
    this.#on({ kind: 'heard' });
    switch (message.type) {
      case 'born':
        // It may have been told to drain before it could listen.
        return this.send(this.state === 'draining' ? { type: 'drain' } : this.spec.startMessage());
      case 'ready':
        this.#refusal = undefined;
        return this.#on({ kind: 'ready', atMs: this.#options.clock.nowMs() });
      case 'refused':
        this.#refusal = message.reason;
        this.#refuser = this.#process;
        return;
      case 'move-answer':
      case 'move-refusal':
      case 'move-progress':
        return this.#options.listener.onMoveReport?.(message);
      case 'store-report':
        return this.#options.listener.onStoreReport?.(this, message);
      case 'audit-report':
        return this.#options.listener.onAuditReport?.(message);
      case 'measures':
        return this.#options.listener.onMeasures?.(this, message);
      case 'snapshot-pinned':
        return this.#options.listener.onSnapshotPinned?.(this, message);
      case 'failures':
        return this.#options.listener.onFailures?.(message.count);
      case 'health':
        this.#health = message;
        return this.#options.listener.onHealth?.(this, message);
      case 'heartbeat':
        return;
    }
  }
}

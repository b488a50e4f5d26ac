/**
 * One child process under supervision: it carries out what the state machine asks (fork, kill, drain, timers)
 * and feeds it what happens. It decides nothing itself.
 */

import type { Clock, Timer } from '../ports/clock.ts';
import type { MoveReport } from '../rebalance/move.ts';
import { Announcement } from './announcement.ts';
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
  type ProfileReport,
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
  /** Another process of it may serve beside this one: all of them share a port, and none has data of its own. */
  readonly overlaps: boolean;
  readonly role: 'shard' | 'router' | 'clone';
  /** Its id, where it is a shard. */
  readonly shard: number | null;
  readonly fork: () => ForkedProcess;
  /** A process begins its life as this child. */
  readonly onLife?: () => void;
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
  readonly onProfileReport?: (child: SupervisedChild, report: ProfileReport) => void;
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

/** A process that was forked before its time: it waits for its start message until the one before it has ended. */
type Successor = { readonly process: ForkedProcess; isBorn: boolean; readonly outcome: Deferred<Outcome> };

/** What became of a process that was to serve: that it does, or why not. */
export type Outcome = { readonly isReady: true } | { readonly isReady: false; readonly why: string };

export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #options: SupervisedChildOptions;
  #state: ChildState | undefined;
  #process: ForkedProcess | undefined;
  #successor: Successor | undefined;
  /** Who wait for what becomes of the process that is starting. */
  #outcomes: Deferred<Outcome>[] = [];
  #timer: Timer | undefined;
  #lives = 0;
  #forkedAtMs = 0;
  #health: Health | undefined;
  #killedFor: KillReason | undefined;
  #lastDeath: LastDeath | undefined;
  readonly #silence = new Silence();
  readonly #announcement = new Announcement();
  #refusal: string | undefined;
  #hasServed = false;
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

  /** It has served, and did not refuse to since. */
  get hasServed(): boolean {
    return this.#hasServed;
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

  /** It serves until its clients have gone, and ends: another process of its kind serves beside it. */
  retire(): void {
    this.#on({ kind: 'retire' });
  }

  /** What becomes of the process that is to serve next. */
  outcome(): Promise<Outcome> {
    const outcome = new Deferred<Outcome>();
    this.#outcomes.push(outcome);
    return outcome.promise;
  }

  /**
   * Another process takes the place of this one, which ends first. It is forked and has loaded its code by then, so that
   * nobody waits for that, and code that cannot be loaded ends nothing.
   */
  async handOver(): Promise<Outcome> {
    const born = await this.#prepareSuccessor();
    if (!born.isReady) return born;
    const outcome = this.outcome();
    this.#on({ kind: 'hand-over' });
    if (this.state === 'handing-over') return outcome;
    this.#dropSuccessor();
    return { isReady: false, why: `it was ${this.state} meanwhile` };
  }

  restart(): void {
    this.#on({ kind: 'restart' });
  }

  send(message: MessageToChild): void {
    if (message.type === 'topology') this.#announcement.sent(message);
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
    if (state.name === 'ready') this.#tellOutcome({ isReady: true });
    if (state.name === 'draining' || state.name === 'stopped') {
      this.#dropSuccessor();
      this.#tellOutcome({ isReady: false, why: 'it was told to end' });
    }
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
      case 'ask-to-retire':
        return this.send({ type: 'retire' });
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
    const successor = this.#successor;
    this.#successor = undefined;
    this.spec.onLife?.();
    this.#process = successor?.process ?? this.#forkWatched();
    // Who was replaced has not died.
    if (successor === undefined) this.#lives++;
    this.#forkedAtMs = this.#options.clock.nowMs();
    this.#health = undefined;
    this.#killedFor = undefined;
    this.#silence.heard();
    if (successor?.isBorn) this.send(this.spec.startMessage());
  }

  #forkWatched(): ForkedProcess {
    const forked = this.spec.fork();
    // Where the fork itself failed there is no 'exit'.
    forked.on('error', () => {
      if (forked.pid === undefined) this.#onExit(forked, null, null);
    });
    forked.on('exit', (code, signal) => this.#onExit(forked, code, signal));
    // What a process said may arrive after its end: it is not said by its successor.
    forked.on('message', (raw) => {
      const message = parseMessageToPrimary(raw);
      if (this.#process === forked) this.#onMessage(message);
      else if (this.#successor?.process === forked && message.type === 'born') this.#onBorn(this.#successor);
    });
    return forked;
  }

  #prepareSuccessor(): Promise<Outcome> {
    this.#dropSuccessor();
    const { clock, policy } = this.#options;
    const outcome = new Deferred<Outcome>();
    const successor = { process: this.#forkWatched(), isBorn: false, outcome };
    this.#successor = successor;
    const timer = clock.after(policy.startDeadlineMs, () => successor.process.kill('SIGKILL'));
    return outcome.promise.finally(() => timer.cancel());
  }

  #onBorn(successor: Successor): void {
    successor.isBorn = true;
    successor.outcome.resolve({ isReady: true });
  }

  #dropSuccessor(): void {
    this.#successor?.process.kill('SIGKILL');
    this.#successor?.outcome.resolve({ isReady: false, why: 'it was not needed any more' });
    this.#successor = undefined;
  }

  #tellOutcome(outcome: Outcome): void {
    for (const waiting of this.#outcomes.splice(0)) waiting.resolve(outcome);
  }

  #onExit(forked: ForkedProcess, code: ChildDeath['code'], signal: ChildDeath['signal']): void {
    if (this.#successor?.process === forked) {
      const { outcome } = this.#successor;
      this.#successor = undefined;
      return outcome.resolve({ isReady: false, why: whyOf({ code, signal }) });
    }
    if (this.#process !== forked) return;
    this.#process = undefined;
    this.#health = undefined;
    if (this.#refuser === forked) {
      this.#tellOutcome({ isReady: false, why: this.#refusal ?? 'it would not serve' });
      return this.#on({ kind: 'refused' });
    }
    this.#refusal = undefined;
    const death = { code, signal, killedFor: this.#killedFor };
    if (this.state === 'starting' || this.state === 'retrying') {
      this.#tellOutcome({ isReady: false, why: whyOf(death) });
    }
    if (this.state !== 'draining' && this.state !== 'retiring') {
      // A shard that hands over has not died, but whoever dealt with its process has to know.
      if (this.state !== 'handing-over') this.#lastDeath = { ...death, atMs: this.#options.clock.dateMs() };
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
        this.#hasServed = true;
        return this.#on({ kind: 'ready', atMs: this.#options.clock.nowMs() });
      case 'refused':
        this.#refusal = message.reason;
        this.#hasServed = false;
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
      case 'profile-report':
        return this.#options.listener.onProfileReport?.(this, message);
      case 'failures':
        return this.#options.listener.onFailures?.(message.count);
      case 'health':
        this.#health = message;
        return this.#options.listener.onHealth?.(this, message);
      case 'heartbeat': {
        const missed = this.#announcement.heard(message.sequence);
        if (missed !== undefined) this.send(missed);
        return;
      }
    }
  }
}

function whyOf({ code, signal }: Pick<ChildDeath, 'code' | 'signal'>): string {
  return `its new process ended with ${signal ?? `exit code ${code}`}: the log says why`;
}

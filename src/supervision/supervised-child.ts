/**
 * One child process under supervision: it carries out what the state machine asks (fork, kill, drain, timers)
 * and feeds it what happens. It decides nothing itself.
 */

import type { ChildProcess } from 'node:child_process';
import {
  type ChildEffect,
  type ChildEvent,
  type ChildState,
  type ChildStateName,
  firstStep,
  nextStep,
  type RestartPolicy,
  type Step,
} from './child-state.ts';
import { Deferred } from './deferred.ts';
import {
  type AuditReportMessage,
  type Health,
  type MessageToChild,
  type MessageToPrimary,
  type MoveReport,
  parseMessageToPrimary,
  type StoreReport,
} from './messages.ts';

export type ChildSpec = {
  /** e.g. `shard-2` */
  readonly name: string;
  readonly role: 'shard' | 'router' | 'clone';
  /** Its id, where it is a shard. */
  readonly shard: number | null;
  readonly fork: () => ChildProcess;
  /** Its first message, made anew for each life. */
  readonly startMessage: () => MessageToChild;
  /** Reports come each second; a child that misses this many is killed. */
  readonly silentTicksMax: number;
};

export type ChildDeath = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ChildListener = {
  readonly onState: (child: SupervisedChild, before: ChildStateName) => void;
  readonly onDeath: (child: SupervisedChild, death: ChildDeath) => void;
  readonly onStoreReport: (child: SupervisedChild, report: StoreReport) => void;
  /** A router answered so many requests with a status from 500 on. */
  readonly onFailures: (count: number) => void;
  readonly onAuditReport: (report: AuditReportMessage) => void;
  /** What a shard says of a move. */
  readonly onMoveReport: (child: SupervisedChild, report: MoveReport) => void;
};

export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #policy: RestartPolicy;
  readonly #listener: ChildListener;
  #state: ChildState | undefined;
  #process: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lives = 0;
  #forkedAtMs = 0;
  #health: Health | undefined;
  #silentTicks = 0;
  readonly #stopped = new Deferred<void>();

  constructor(spec: ChildSpec, policy: RestartPolicy, listener: ChildListener) {
    this.spec = spec;
    this.#policy = policy;
    this.#listener = listener;
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
    return this.#process === undefined ? undefined : performance.now() - this.#forkedAtMs;
  }

  /** Resolves in the state `stopped`, which is final. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** The latest report of the current process. */
  get health(): Health | undefined {
    return this.#health;
  }

  start(): void {
    this.#take(firstStep(this.#policy));
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

  /**
   * Counts one second without a report. In ticks of the primary's own timer rather than by the clock: after a
   * suspended machine wakes up, everybody has been silent for long.
   */
  tick(): void {
    if (this.state !== 'ready') return;
    this.#silentTicks++;
    if (this.#silentTicks > this.spec.silentTicksMax) this.#on({ kind: 'silent' });
  }

  #on(event: ChildEvent): void {
    if (this.#state === undefined) return;
    this.#take(nextStep(this.#state, event, { policy: this.#policy, random: Math.random }));
  }

  #take({ state, effects }: Step): void {
    const before = this.state;
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (state.name !== before) this.#listener.onState(this, before);
    if (state.name === 'stopped') this.#stopped.resolve();
  }

  #carryOut(effect: ChildEffect): void {
    switch (effect.kind) {
      case 'fork':
        return this.#fork();
      case 'kill':
        this.#process?.kill('SIGKILL');
        return;
      case 'ask-to-drain':
        return this.send({ type: 'drain' });
      case 'set-timer':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#on({ kind: 'timeout' }), effect.delayMs);
        return;
      case 'clear-timer':
        clearTimeout(this.#timer);
        return;
    }
  }

  #fork(): void {
    const forked = this.spec.fork();
    this.#process = forked;
    this.#lives++;
    this.#forkedAtMs = performance.now();
    this.#health = undefined;
    this.#silentTicks = 0;
    // Where the fork itself failed there is no 'exit'.
    forked.on('error', () => {
      if (forked.pid === undefined) this.#onExit({ code: null, signal: null });
    });
    forked.on('exit', (code, signal) => this.#onExit({ code, signal }));
    forked.on('message', (raw) => this.#onMessage(parseMessageToPrimary(raw)));
  }

  #onExit(death: ChildDeath): void {
    this.#process = undefined;
    this.#health = undefined;
    if (this.state !== 'draining') this.#listener.onDeath(this, death);
    this.#on({ kind: 'exited', atMs: performance.now() });
  }

  #onMessage(message: MessageToPrimary): void {
    switch (message.type) {
      case 'born':
        // It may have been told to drain before it could listen.
        return this.send(this.state === 'draining' ? { type: 'drain' } : this.spec.startMessage());
      case 'ready':
        return this.#on({ kind: 'ready', atMs: performance.now() });
      case 'move-answer':
      case 'move-refusal':
      case 'move-progress':
        return this.#listener.onMoveReport(this, message);
      case 'store-report':
        return this.#listener.onStoreReport(this, message);
      case 'audit-report':
        return this.#listener.onAuditReport(message);
      case 'failures':
        return this.#listener.onFailures(message.count);
      case 'health':
        this.#health = message;
        this.#silentTicks = 0;
        return;
    }
  }
}

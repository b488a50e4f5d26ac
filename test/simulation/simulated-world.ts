/**
 * One service in a box: files, processes, wires and clients, driven one step at a time. A step is what one process
 * does about one event; between two steps everything that must hold is checked.
 */

import type { Move } from '../../src/rebalance/move.ts';
import type { Circumstances } from './circumstances.ts';
import { Clients, type Intent } from './clients.ts';
import { Connection, type ControlOdds, type Receiver } from './connection.ts';
import type { Coverage } from './coverage.ts';
import type { Fate } from './fate.ts';
import { Invariants, Violation } from './invariants.ts';
import type { World } from './processes.ts';
import { type Life, Scheduler, struck } from './scheduler.ts';
import { SimulatedFile } from './simulated-file.ts';
import { DurableTopology, SimulatedPrimary } from './simulated-primary.ts';
import type { SimulatedRouter } from './simulated-router.ts';
import type { SimulatedShard } from './simulated-shard.ts';
import { Trace } from './trace.ts';

/** Of a client that finds no router. */
const reconnectDelayMs = 10;

const fullDiskStepsMax = 150;

export type WorldOptions = {
  readonly fate: Fate;
  readonly circumstances: Circumstances;
  readonly controlOdds: ControlOdds;
  readonly owners: readonly number[];
  readonly coverage: Coverage;
  readonly isTraced: boolean;
};

export class SimulatedWorld implements World {
  readonly fate: Fate;
  readonly circumstances: Circumstances;
  readonly controlOdds: ControlOdds;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly invariants: Invariants;
  readonly clients: Clients;
  readonly topology: DurableTopology;
  readonly files = new Map<number, SimulatedFile>();
  primary: SimulatedPrimary | undefined;
  /** Of every primary: the children of a dead one live on until they notice. */
  shards: SimulatedShard[] = [];
  routers: SimulatedRouter[] = [];
  #connections: { readonly isOpen: boolean; endOf(life: Life): void; break(): void }[] = [];
  /** By shard. */
  readonly #fullUntilStep = new Map<number, number>();
  #acting: Life | undefined;
  #lives = 0;
  #sessions = 0;

  constructor({ fate, circumstances, controlOdds, owners, coverage, isTraced }: WorldOptions) {
    this.fate = fate;
    this.circumstances = circumstances;
    this.controlOdds = controlOdds;
    this.coverage = coverage;
    this.scheduler = new Scheduler(fate);
    this.trace = new Trace(isTraced);
    this.topology = new DurableTopology({ epoch: 1, owners });
    this.invariants = new Invariants(this.topology, this.files);
    for (let shard = 1; shard <= circumstances.shards; shard++) {
      const watcher = {
        onCrashPoint: () => this.crashPoint(),
        // What is small may still fit.
        hasRoom: () => this.trace.step >= (this.#fullUntilStep.get(shard) ?? 0) || this.fate.chance(0.2),
        onSumsDiffer: (move: Move) => this.invariants.onSumsDiffer(move),
        onApplied: (write: Parameters<Invariants['onApplied']>[0]) => this.invariants.onApplied(write),
      };
      this.files.set(shard, new SimulatedFile(shard, circumstances, watcher));
    }
    this.clients = new Clients({
      now: () => this.trace.step,
      routers: () => this.routers,
      pick: (n) => this.fate.below(n),
      later: (client, run) => this.scheduler.soon(client, run),
      wait: (client, run) => void this.scheduler.after(client, reconnectDelayMs, run),
      note: (client, text) => this.trace.note(client, text),
      onOutcome: (outcome) => this.coverage.operation(outcome),
    });
    this.#startPrimary();
  }

  /** False when nothing can happen any more unless somebody wakes up. */
  step(): boolean {
    const event = this.scheduler.next();
    if (event === undefined) return false;
    this.trace.step++;
    this.coverage.steps++;
    this.#acting = event.owner;
    try {
      this.crashPoint();
      event.run();
    } catch (error) {
      if (error !== struck) throw error;
    } finally {
      this.#acting = undefined;
    }
    this.invariants.check(this.routers, this.shards);
    return true;
  }

  /** Nothing is left to do, and all is well. */
  get isAtRest(): boolean {
    return this.unrest === undefined;
  }

  /** Why it is not at rest. */
  get unrest(): string | undefined {
    const { primary } = this;
    if (primary === undefined) return 'there is no primary';
    if (!primary.supervisor.isAtRest) return 'not every child is ready';
    if (primary.moveUnderWay !== undefined) return `a move is ${primary.moveUnderWay.phase}`;
    if (this.topology.changes.length > 0) return 'the wanted owners are not reached';
    if (!this.clients.areDone) return 'a client waits';
    for (const [shard, file] of this.files) if (file.hasTransfers) return `shard ${shard} keeps the note of a move`;
    return undefined;
  }

  fileOf(shard: number): SimulatedFile {
    return this.files.get(shard) as SimulatedFile;
  }

  crashPoint(): void {
    const life = this.#acting;
    if (life === undefined || life.name.startsWith('client') || !this.fate.strikes()) return;
    this.kill(life);
    throw struck;
  }

  newLife(name: string): Life {
    return { name: `${name}.${++this.#lives}`, isAlive: true, isStalled: false };
  }

  newSession(): number {
    return ++this.#sessions;
  }

  connect<ToServer, ToClient>(client: Receiver<ToClient>, server: Receiver<ToServer>): Connection<ToServer, ToClient> {
    const connection = new Connection<ToServer, ToClient>(this, client, server);
    this.#connections = this.#connections.filter(({ isOpen }) => isOpen);
    this.#connections.push(connection);
    return connection;
  }

  kill(life: Life): void {
    if (!life.isAlive) return;
    this.trace.note(life, () => 'dies');
    this.#cover(life);
    life.isAlive = false;
    for (const connection of this.#connections) connection.endOf(life);
    this.shards = this.shards.filter((shard) => shard.life.isAlive);
    this.routers = this.routers.filter((router) => router.life.isAlive);
    this.clients.onRouterEnd(life);
    if (this.primary?.life !== life) return this.primary?.supervisor.onEnd(life);
    this.primary = undefined;
    for (const { life: orphan } of [...this.shards, ...this.routers]) {
      this.scheduler.soon(orphan, () => this.kill(orphan));
    }
    this.scheduler.soon(undefined, () => this.#startPrimary());
  }

  stall(life: Life): void {
    if (life.isStalled) return;
    this.coverage.stalls++;
    this.trace.note(life, () => 'is stopped');
    life.isStalled = true;
    this.scheduler.soon(undefined, () => this.wake(life));
  }

  wake(life: Life): void {
    if (!life.isStalled) return;
    this.trace.note(life, () => 'goes on');
    life.isStalled = false;
  }

  /** For a while the disk of a shard takes hardly anything more. */
  fillDisk(): void {
    const shard = 1 + this.fate.below(this.circumstances.shards);
    const steps = this.fate.below(fullDiskStepsMax);
    this.coverage.fullDisks++;
    this.trace.note(undefined, () => `the disk of shard ${shard} is full for ${steps} steps`);
    this.#fullUntilStep.set(shard, this.trace.step + steps);
  }

  freeDisks(): void {
    this.#fullUntilStep.clear();
  }

  breakConnection(): void {
    const open = this.#connections.filter(({ isOpen }) => isOpen);
    if (open.length === 0) return;
    this.coverage.brokenConnections++;
    this.trace.note(undefined, () => 'a connection breaks');
    open[this.fate.below(open.length)]?.break();
  }

  /** The primary is asked something, in a step of its own. */
  asOperator(ask: (primary: SimulatedPrimary) => void): void {
    const { primary } = this;
    if (primary !== undefined) this.scheduler.soon(primary.life, () => ask(primary));
  }

  /** Every process that lives. */
  get lives(): Life[] {
    const children = [...this.shards, ...this.routers].map(({ life }) => life);
    return this.primary === undefined ? children : [this.primary.life, ...children];
  }

  /** Written before the history begins. */
  preload(intent: Intent): void {
    const operation = this.clients.newOperation(intent);
    const owner = this.topology.ring.owners[intent.slot] as number;
    const opId = Buffer.alloc(16, 0xff);
    opId.writeUInt32LE(this.newSession(), 0);
    const [outcome] = this.fileOf(owner).execute([
      { operation, epoch: 1, resend: { opId, resent: false, seenLsn: 0 } },
    ]);
    if (outcome === undefined || !('version' in outcome) || operation.kind !== 'put') return;
    this.clients.history.push({
      client: 0,
      key: intent.key.toString('latin1'),
      invokedAtMs: -1,
      completedAtMs: -1,
      kind: 'put',
      value: operation.value.toString('latin1'),
      outcome: { kind: 'applied', version: outcome.version },
    });
  }

  /** Must be at rest: reads each key where its owner keeps it. */
  audit(intents: readonly Intent[]): void {
    if (this.unrest !== undefined) throw new Violation('I9', this.unrest);
    this.invariants.checkRest();
    this.trace.step++;
    for (const intent of intents) {
      const owner = this.topology.ring.owners[intent.slot] as number;
      const row = this.fileOf(owner).rowsOf(intent.slot).get(intent.key.toString('latin1'));
      this.clients.audit(intent, row?.value.toString('latin1') ?? null);
    }
  }

  #startPrimary(): void {
    const life = this.newLife('primary');
    this.primary = new SimulatedPrimary(this, life, this.topology);
    const { primary } = this;
    this.scheduler.soon(life, () => primary.start());
  }

  #cover(life: Life): void {
    const state = this.primary?.moveUnderWay;
    if (state === undefined) return;
    const shard = this.shards.find((candidate) => candidate.life === life)?.shard;
    if (this.primary?.life === life) this.coverage.crash('primary', state.phase);
    else if (shard === undefined) this.coverage.crash('router', state.phase);
    else if (shard === state.move.from) this.coverage.crash('source', state.phase);
    else if (shard === state.move.to) this.coverage.crash('target', state.phase);
  }
}

/**
 * One service in a box: disks, processes, wires and clients, driven one step at a time. A step is what one process
 * does about one event; between two steps everything that must hold is checked.
 */

import { noOpId } from '../../src/kv/op-id.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { onFailpoint } from '../../src/ports/failpoint.ts';
import { checkDearInvariants } from '../../src/ports/invariant.ts';
import type { Shard } from '../../src/shard/shard.ts';
import { isDiskFull } from '../../src/sqlite/database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import type { MessageToPrimary } from '../../src/supervision/messages.ts';
import type { SupervisedChild } from '../../src/supervision/supervised-child.ts';
import { clockOf } from './adapters/simulated-clock.ts';
import { type ServiceWorld, SimulatedPrimary } from './adapters/simulated-processes.ts';
import type { Circumstances } from './circumstances.ts';
import { Clients } from './clients.ts';
import type { Coverage, Phase } from './coverage.ts';
import { Disks, metaPath, pathOf } from './disks.ts';
import type { Fate } from './fate.ts';
import type { Intent } from './intent.ts';
import { Invariants } from './invariants.ts';
import { Network } from './network.ts';
import { type Life, newLife, Scheduler, struck } from './scheduler.ts';
import { Sessions } from './sessions.ts';
import type { ControlOdds } from './streams.ts';
import { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { Watch, type WatchedRouter } from './watch.ts';

/** Of a client that finds no router. */
const reconnectDelayMs = 10;

const fullDiskStepsMax = 300;
/** How likely a party of a move dies in a phase that is over before chance would find it. */
const shortPhaseDeath = 0.05;
const stallMsMax = 500;
/** Until an operator restarts what was given up. */
const operatorDelayMs = 2_000;
/** Of a primary that found no room. */
const startAgainMs = 200;

checkDearInvariants();

export type WorldOptions = {
  readonly fate: Fate;
  readonly circumstances: Circumstances;
  readonly controlOdds: ControlOdds;
  readonly coverage: Coverage;
  readonly isTraced: boolean;
};

type MoveUnderWay = { readonly from: number; readonly to: number; readonly phase: Phase };

export class SimulatedWorld implements ServiceWorld {
  readonly fate: Fate;
  readonly circumstances: Circumstances;
  readonly controlOdds: ControlOdds;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly invariants: Invariants;
  readonly watch: Watch;
  readonly clients: Clients;
  readonly network: Network;
  readonly disks: Disks;
  primary: SimulatedPrimary | undefined;
  /** Of every primary: the children of a dead one live on until they notice. */
  shards: { readonly life: Life; readonly shard: Shard }[] = [];
  routers: WatchedRouter[] = [];
  readonly #children = new Set<Life>();
  readonly #ends = new Map<Life, () => void>();
  /** By the disk's path. */
  readonly #fullUntilStep = new Map<string, number>();
  #move: MoveUnderWay | undefined;
  /** For what is nobody's in particular. */
  readonly #life = newLife('world');
  #acting: Life | undefined;
  #lives = 0;
  #sessions = 0;

  constructor({ fate, circumstances, controlOdds, coverage, isTraced }: WorldOptions) {
    this.fate = fate;
    this.circumstances = circumstances;
    this.controlOdds = controlOdds;
    this.coverage = coverage;
    this.scheduler = new Scheduler(fate, circumstances.clocks);
    this.trace = new Trace(isTraced);
    this.network = new Network(this);
    this.disks = new Disks({ crashPoint: () => this.crashPoint(), hasNoRoom: () => this.fate.chance(0.8) });
    this.invariants = new Invariants((shard) => this.disks.at(pathOf(shard)), Number);
    this.watch = new Watch(this.invariants, new Sessions(() => this.scheduler.nowMs), this.disks);
    onFailpoint(() => this.crashPoint());
    this.clients = new Clients({
      namedEvery: this.circumstances.namedEvery,
      now: () => this.trace.step,
      routers: () => this.routers,
      pick: (n) => this.fate.below(n),
      later: (client, run) => this.scheduler.soon(client, run),
      wait: (client, run) => void this.scheduler.after(client, reconnectDelayMs, run),
      rest: (client, restMs, run) => void this.scheduler.after(client, restMs, run),
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
    this.#letDisksGo();
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
    if (!this.clients.areDone) return 'a client waits';
    if (primary === undefined) return 'there is no primary';
    const { supervisor } = primary.cluster;
    if (!supervisor.children.every(({ state }) => state === 'ready')) return 'not every child is ready';
    if (this.#move !== undefined) return `a move is ${this.#move.phase}`;
    if (primary.record.openChanges().length > 0) return 'a topology change is open';
    for (const shard of primary.record.weights().keys()) {
      const disk = this.disks.at(pathOf(shard));
      if (disk?.prepare('SELECT count(*) FROM transfer').pluck().get() !== 0)
        return `shard ${shard} keeps the note of a move`;
      if (disk.prepare('SELECT epoch FROM standing').pluck().get() !== primary.record.ring.epoch)
        return `the file of shard ${shard} has not adopted the newest ring`;
    }
    const shards = this.shards.map(({ life, shard }) => ({ life, epoch: shard.epoch }));
    for (const { life, epoch } of [...shards, ...this.routers])
      if (epoch !== primary.record.ring.epoch) return `${life.name} stays with the ring of epoch ${epoch}`;
    return undefined;
  }

  crashPoint(): void {
    const life = this.#acting;
    if (life === undefined || life === this.#life || life.name.startsWith('client') || !this.fate.strikes()) return;
    this.kill(life);
    throw struck;
  }

  newLife(name: string): Life {
    const life = newLife(`${name}.${++this.#lives}`);
    this.#children.add(life);
    return life;
  }

  /** In place of eight random bytes. */
  newSession(): Buffer {
    const session = Buffer.alloc(8);
    session.writeUInt32LE(++this.#sessions, 0);
    return session;
  }

  onShard(life: Life, shard: Shard): void {
    this.shards.push({ life, shard });
  }

  onRouter(router: WatchedRouter): void {
    this.routers.push(router);
  }

  /** An operator puts the right file back and restarts what was given up. */
  onState(primary: Life, child: SupervisedChild): void {
    if (child.state !== 'failed') return;
    this.scheduler.after(primary, operatorDelayMs, () => {
      this.disks.putAllBack();
      child.restart();
    });
  }

  onEnd(life: Life, run: () => void): void {
    this.#ends.set(life, run);
  }

  onReport(life: Life, message: MessageToPrimary): void {
    if (message.type === 'health' || message.type === 'heartbeat' || message.type === 'move-progress') return;
    this.trace.note(life, () => `tells ${JSON.stringify(message)}`);
    if (message.type !== 'move-refusal') return;
    if (message.code === 'rows-differ') this.invariants.onRowsDiffer(message.move);
    if (message.code === 'disk-full') this.coverage.diskAborts++;
  }

  /** What the rebalancer says of its move. */
  onPhase(facts: object): void {
    const move = facts as MoveUnderWay;
    this.coverage.phase(move.phase);
    this.#move = move.phase === 'done' || move.phase === 'aborted' ? undefined : move;
    if (move.phase === 'freezing' || move.phase === 'verifying') this.#strikeParty(move);
  }

  kill(life: Life): void {
    if (!life.isAlive) return;
    this.trace.note(life, () => 'dies');
    this.#cover(life);
    life.isAlive = false;
    this.network.endOf(life);
    this.shards = this.shards.filter((shard) => shard.life.isAlive);
    this.routers = this.routers.filter((router) => router.life.isAlive);
    this.clients.onRouterEnd(life);
    this.#children.delete(life);
    this.#ends.get(life)?.();
    this.#ends.delete(life);
    if (this.primary?.life === life) this.#onPrimaryEnd();
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

  /** For a while the disk of a shard, or of the primary, does not grow. */
  fillDisk(): void {
    const path = this.disks.paths[this.fate.below(this.disks.paths.length)] as string;
    const steps = this.fate.below(fullDiskStepsMax);
    this.coverage.fullDisks++;
    this.trace.note(undefined, () => `the disk ${path} is full for ${steps} steps`);
    this.disks.at(path)?.setFull(true);
    this.#fullUntilStep.set(path, this.trace.step + steps);
  }

  freeDisks(): void {
    this.#fullUntilStep.clear();
    this.disks.freeAll();
  }

  breakConnection(): void {
    if (!this.network.breakAny()) return;
    this.coverage.brokenConnections++;
    this.trace.note(undefined, () => 'a connection breaks');
  }

  /** The primary is asked something, in a step of its own. What has no room on its disk is refused. */
  asOperator(ask: (primary: SimulatedPrimary) => void): void {
    const { primary } = this;
    if (primary === undefined) return;
    this.scheduler.soon(primary.life, () => {
      try {
        ask(primary);
      } catch (error) {
        if (!primary.record.isDiskFull(error)) throw error;
      }
    });
  }

  /** Every process that lives. */
  get lives(): Life[] {
    return [...this.#children];
  }

  /** Written before the history begins. */
  preload(intents: readonly Intent[]): void {
    const { shards, slots } = this.circumstances;
    const ring = firstRing(new Map(Array.from({ length: shards }, (_, index) => [index + 1, 1])), slots);
    const service = this.primary?.record.service as string;
    const life = newLife('preload');
    for (const shard of ring.shards()) {
      const options = { open: this.disks.openerOf(life), clock: clockOf(this.scheduler, life) };
      const file = new ShardFile(pathOf(shard), { service, shard }, options);
      for (const intent of intents.filter(({ slot }) => ring.shardOf(slot) === shard)) {
        const operation = this.clients.newOperation(intent);
        const [outcome] = file.execute([{ operation, resend: { opId: noOpId, resent: false, seenLsn: 0 } }]);
        if (outcome === undefined || !('version' in outcome) || operation.kind !== 'put') continue;
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
    }
    life.isAlive = false;
  }

  /** Must be at rest: reads each key where its owner keeps it. */
  audit(intents: readonly Intent[]): void {
    if (this.unrest !== undefined) throw new Violation('I9', this.unrest);
    const shards = [...(this.primary as SimulatedPrimary).record.weights().keys()];
    this.invariants.checkRest(
      shards,
      this.disks.paths.filter((path) => path !== metaPath),
    );
    this.trace.step++;
    for (const intent of intents) {
      const owner = this.invariants.ring?.shardOf(intent.slot) as number;
      const row = this.invariants.rowsOf(owner, intent.slot).get(intent.key.toString('latin1'));
      this.clients.audit(intent, row?.value.toString('latin1') ?? null);
    }
  }

  /** The world is over: its disks serve another. */
  end(): void {
    this.disks.removeAll();
  }

  #startPrimary(): void {
    const life = this.newLife('primary');
    this.network.forgetPaths();
    try {
      this.primary = new SimulatedPrimary(this, life);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.trace.note(life, () => 'has no room to start');
      this.kill(life);
      return void this.scheduler.after(this.#life, startAgainMs, () => this.#startPrimary());
    }
    const { cluster } = this.primary;
    this.scheduler.soon(life, () => cluster.start());
  }

  #onPrimaryEnd(): void {
    this.primary = undefined;
    this.#move = undefined;
    for (const orphan of this.#children) this.scheduler.soon(orphan, () => this.kill(orphan));
    this.scheduler.soon(undefined, () => this.#startPrimary());
  }

  #letDisksGo(): void {
    for (const [path, step] of this.#fullUntilStep) {
      if (this.trace.step < step) continue;
      this.#fullUntilStep.delete(path);
      this.disks.at(path)?.setFull(false);
    }
  }

  /** The moment that matters most: what a source gave may arrive, and be committed, after it has died. */
  #strikeParty({ from, to }: MoveUnderWay): void {
    if (!this.scheduler.isChaotic || !this.fate.chance(shortPhaseDeath)) return;
    const party = this.fate.chance(0.5) ? from : to;
    const lifeOf = (id: number) => this.shards.find(({ shard }) => shard.shard === id)?.life;
    const life = lifeOf(party) ?? this.routers[0]?.life;
    if (life !== undefined) this.scheduler.after(life, this.fate.below(3), () => this.kill(life));
    // The target takes its time, in which the source comes back and forgets that it was frozen.
    const target = lifeOf(to);
    if (target === undefined || party === to || !this.fate.chance(0.7)) return;
    target.isStalled = true;
    this.scheduler.after(this.#life, this.fate.below(stallMsMax), () => this.wake(target));
  }

  #cover(life: Life): void {
    if (this.#move === undefined) return;
    const { from, to, phase } = this.#move;
    const shard = this.shards.find((candidate) => candidate.life === life)?.shard.shard;
    if (this.primary?.life === life) this.coverage.crash('primary', phase);
    else if (shard === undefined) this.coverage.crash('router', phase);
    else if (shard === from) this.coverage.crash('source', phase);
    else if (shard === to) this.coverage.crash('target', phase);
  }
}

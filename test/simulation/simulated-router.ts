/**
 * A router's process: a mirror of `router/partitioned-store.ts`. It looks owners up, parks what is just moving, and
 * takes back what waits for a shard that no longer owns it.
 */

import { opIdBytes } from '../../src/kv/op-id.ts';
import { isWrite, type KeyOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import { givenUp, overloaded, type Pending } from '../../src/routing/pending.ts';
import { noResend } from '../../src/wire/request-frame.ts';
import type { ChildProcess, ControlMessage, Report, Topology, World } from './processes.ts';
import { describe } from './processes.ts';
import type { Life, Timer } from './scheduler.ts';
import { holdDeadlineMs, type Seen, SimulatedLink } from './simulated-link.ts';
import type { SimulatedRing } from './simulated-ring.ts';

const retryIntervalMs = 10;

export class SimulatedRouter implements ChildProcess {
  readonly life: Life;
  readonly #world: World;
  readonly #tell: (report: Report) => void;
  readonly #links = new Map<number, SimulatedLink>();
  readonly #seen: Seen = { lsn: 0, epoch: 0 };
  /** In place of eight random bytes. */
  readonly #session: number;
  #writesBegun = 0;
  #latestSequence = -1;
  /** A topology that overtook the start message. */
  #early: Topology | undefined;
  /** Undefined until it was started. */
  #ring: SimulatedRing | undefined;
  #parked: Pending[] = [];
  #retry: Timer | undefined;

  constructor(world: World, life: Life, tell: (report: Report) => void) {
    this.#world = world;
    this.life = life;
    this.#tell = tell;
    this.#session = world.newSession();
  }

  get isListening(): boolean {
    return this.#ring !== undefined && this.life.isAlive;
  }

  get epoch(): number {
    return this.#ring?.epoch ?? 0;
  }

  obey(message: ControlMessage): void {
    if (message.type === 'move') return;
    if (message.type === 'start') {
      if (this.#ring !== undefined) return;
      this.#latestSequence = Math.max(this.#latestSequence, message.topology.sequence);
      this.#ring = message.topology.ring;
      this.#adopt(message.topology);
      if (this.#early !== undefined && this.#early.sequence > message.topology.sequence) this.#adopt(this.#early);
      return this.#tell({ type: 'ready' });
    }
    if (message.topology.sequence <= this.#latestSequence) return;
    this.#latestSequence = message.topology.sequence;
    if (this.#ring === undefined) this.#early = message.topology;
    else this.#adopt(message.topology);
  }

  execute(operation: KeyOperation, settle: (outcome: Outcome) => void): void {
    let deadline: Timer | undefined;
    const pending: Pending = {
      operation,
      opId: isWrite(operation) ? this.#newOpId() : noResend.opId,
      startedAtMs: this.#world.scheduler.nowMs,
      settle: (answer) => {
        const outcome = answer as Outcome;
        deadline?.cancel();
        this.#world.invariants.onTold(operation, pending.opId.toString('hex'), outcome);
        settle(outcome);
      },
      openSends: 0,
      seenLsn: 0,
      sentAtMs: 0,
      timing: undefined,
    };
    // One timer a request in place of sweeps.
    deadline = this.#world.scheduler.after(this.life, holdDeadlineMs, () => this.#overdue(pending));
    this.#dispatch(pending);
  }

  #adopt({ ring, shards }: Topology): void {
    if (ring.epoch >= (this.#ring as SimulatedRing).epoch) {
      this.#ring = ring;
      this.#seen.epoch = ring.epoch;
    }
    for (const { id, state, at } of shards) {
      const link = this.#linkOf(id);
      if (at !== undefined) link.serveAt(at);
      else if (state === 'failed') link.giveUp();
      else link.wait();
    }
    const astray = [...this.#links.values()].flatMap((link) =>
      link.takeBack(({ slot }) => this.#shardOf(slot) !== link.shard),
    );
    for (const pending of astray) this.#dispatch(pending);
    this.#dispatchParked();
  }

  #shardOf(slot: number): number {
    return (this.#ring as SimulatedRing).owners[slot] as number;
  }

  #dispatch(pending: Pending): void {
    const shard = this.#shardOf(pending.operation.slot);
    this.#world.trace.note(this.life, () => `gives ${describe(pending.operation as KeyOperation)} to shard ${shard}`);
    this.#linkOf(shard).request(pending);
  }

  #linkOf(shard: number): SimulatedLink {
    const known = this.#links.get(shard);
    if (known !== undefined) return known;
    const session = this.#session * 100 + shard;
    const link = new SimulatedLink(this.#world, this.life, { shard, seen: this.#seen, session }, (pending) =>
      this.#park(pending),
    );
    this.#links.set(shard, link);
    return link;
  }

  #park(pending: Pending): void {
    this.#world.trace.note(this.life, () => `parks ${describe(pending.operation as KeyOperation)}`);
    if (this.#parked.length >= this.#world.circumstances.pendingMax) {
      return pending.settle(overloaded(pending, 'too many wait for moving slots'));
    }
    this.#parked.push(pending);
    this.#retry ??= this.#world.scheduler.after(this.life, retryIntervalMs, () => this.#dispatchParked());
  }

  #dispatchParked(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    for (const pending of this.#parked.splice(0)) this.#dispatch(pending);
  }

  #overdue(pending: Pending): void {
    const parkedAt = this.#parked.indexOf(pending);
    if (parkedAt !== -1) this.#parked.splice(parkedAt, 1);
    else if (![...this.#links.values()].some((link) => link.overdue(pending))) return;
    pending.settle(givenUp(pending, 'the deadline passed'));
  }

  #newOpId(): Buffer {
    const opId = Buffer.alloc(opIdBytes);
    opId.writeUInt32LE(this.#session, 0);
    opId.writeUInt32LE(++this.#writesBegun, 8);
    return opId;
  }
}

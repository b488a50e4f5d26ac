/**
 * One shard at work: a SQLite file behind the wire, and its part in moves. It serves the slots that the primary named,
 * and no other slot's rows are ever seen through it. Where it runs is the business of `main.ts`, or of the simulator.
 */

import type { Measure } from '../metrics/measure.ts';
import { type Ring, ringOf } from '../partition/ring.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { invariant } from '../ports/invariant.ts';
import type { Sockets } from '../ports/sockets.ts';
import { MoveParticipant } from '../rebalance/participant.ts';
import type { StepLimits } from '../rebalance/step-limits.ts';
import type { ShardFile } from '../sqlite/shard-file.ts';
import { Sweeper } from '../sqlite/sweeper.ts';
import { HealthSampler } from '../supervision/health.ts';
import type { WorkerJob } from '../supervision/inbox.ts';
import type { Health, MessageToPrimary, SnapshotOrder, StartShard, Topology } from '../supervision/messages.ts';
import type { ProcessUsage } from '../supervision/process-usage.ts';
import type { WireError } from '../wire/frame.ts';
import { MoveConnection, MoveServer } from '../wire/move-connection.ts';
import { frameBytesMaxOf } from '../wire/request-frame.ts';
import { type AnsweredBatch, ShardServer } from '../wire/shard-server.ts';
import { executeServed, type Served } from './execution.ts';

export type ShardPorts = {
  readonly clock: Clock;
  readonly sockets: Sockets;
  /** Of this process, when it is none of its own. */
  readonly usage?: ProcessUsage;
  readonly stepLimits?: StepLimits;
  readonly tell: (message: MessageToPrimary) => void;
  /** A peer broke a protocol of ours; the connection was dropped. */
  readonly onWireError: (error: WireError) => void;
};

/**
 * Clients are kept waiting for a snapshot at most so long, if the primary does not say go on. It gives the snapshot up
 * in half of that (primary/snapshots.ts): none counts in which one shard went on before another stood still.
 */
const snapshotHoldMsMax = 1_000;

export class Shard implements WorkerJob {
  readonly shard: number;
  readonly #start: StartShard;
  readonly #ports: ShardPorts;
  readonly #file: ShardFile;
  readonly #health: HealthSampler;
  readonly #participant: MoveParticipant;
  readonly #moveServer: MoveServer;
  readonly #server: ShardServer;
  readonly #sweeper: Sweeper;
  /**
   * By slot, the epoch at which it came while this process ran. What a router sent before that, by an older ring, may
   * lie unread in a socket while the slot goes away and comes back, and its resend was answered by the other shard.
   */
  readonly #arrivedAtEpoch = new Map<number, number>();
  #ring: Ring;
  /** While clients wait for the others' part in a snapshot. */
  #hold: Timer | undefined;

  constructor(start: StartShard, file: ShardFile, ports: ShardPorts) {
    const { clock, sockets, usage, stepLimits, tell, onWireError } = ports;
    this.shard = start.shard;
    this.#start = start;
    this.#ports = ports;
    this.#file = file;
    this.#ring = ringOf(start.topology, start.topology.slots);
    this.#health = new HealthSampler(clock, usage);
    this.#participant = new MoveParticipant({
      shard: start.shard,
      storage: file.transfer,
      ring: this.#ring,
      clock,
      ...(stepLimits && { limits: stepLimits }),
      connect: (socketPath, events) => new MoveConnection(sockets, socketPath, events),
      tell,
    });
    this.#moveServer = new MoveServer({
      sockets,
      answer: (request) => this.#participant.answerTarget(request),
      onWireError,
    });
    const { source } = this.#participant;
    // What a move has to be told of, it leaves alone.
    this.#sweeper = new Sweeper(file, clock, (slot) => this.#owns(slot) && !source.isLeaving(slot));
    const served: Served = {
      epoch: () => this.#ring.epoch,
      serves: (slot, epoch) => this.serves(slot, epoch),
      // A page of all shards is whole only if each has the same ring, and none is just giving slots away.
      isWhole: (epoch) => epoch === this.#ring.epoch && !source.isFrozen,
      owns: (slot) => this.#owns(slot),
      onExecuted: (operation) => source.noteWrite(operation),
    };
    this.#server = new ShardServer({
      clock,
      sockets,
      shard: start.shard,
      frameBytesMax: frameBytesMaxOf(start.valueBytesMax),
      lsn: () => file.counters.lsn,
      execute: (requests) => executeServed(requests, file, served),
      onBatch: (batch) => this.#noteBatch(batch),
      onWireError,
    });
  }

  get epoch(): number {
    return this.#ring.epoch;
  }

  /**
   * Whether a request for this slot would be executed right now.
   * @param epoch of the ring by which the request was sent here
   */
  serves(slot: number, epoch: number): boolean {
    return (
      this.#owns(slot) && !this.#participant.source.refuses(slot) && epoch >= (this.#arrivedAtEpoch.get(slot) ?? 0)
    );
  }

  async listen(): Promise<void> {
    const { moveSocketPath, socketPath } = this.#start;
    await Promise.all([this.#moveServer.listen(moveSocketPath), this.#server.listen(socketPath)]);
  }

  health(): Health {
    return this.#health.sample({ stored: this.#file.counters });
  }

  measures(): readonly Measure[] {
    return [...this.#health.measures(), ...this.#file.measures()];
  }

  adopt(topology: Topology): void {
    const next = ringOf(topology, topology.slots);
    if (next.epoch < this.#ring.epoch) return;
    if (next.epoch === this.#ring.epoch)
      invariant(next.isSameAs(this.#ring), `there are two rings of epoch ${next.epoch}`);
    for (const slot of next.slotsOf(this.shard)) if (!this.#owns(slot)) this.#arrivedAtEpoch.set(slot, next.epoch);
    this.#ring = next;
    this.#participant.adopt(next);
  }

  onOrder(order: Parameters<MoveParticipant['onOrder']>[0]): void {
    this.#participant.onOrder(order);
  }

  audit(id: number): void {
    const { clock, tell } = this.#ports;
    this.#file
      .audit(this.#ring, this.shard, 'trusted')
      .walk(clock, (report) => tell({ type: 'audit-report', id, ...report, faults: [...report.faults] }));
  }

  onSnapshot({ id, step }: SnapshotOrder): void {
    if (step === 'pin') {
      this.#server.hold();
      this.#hold?.cancel();
      this.#hold = this.#ports.clock.after(snapshotHoldMsMax, () => this.#server.goOn());
      return this.#ports.tell({ type: 'snapshot-pinned', id, ...this.#file.pin() });
    }
    this.#hold?.cancel();
    this.#server.goOn();
    if (step === 'end') this.#file.unpin();
  }

  async drain(): Promise<void> {
    this.#hold?.cancel();
    this.#sweeper.stop();
    this.#participant.stop();
    this.#moveServer.stop();
    await this.#server.stop();
    this.#file.close();
  }

  #noteBatch({ reads, writes, durationMs }: AnsweredBatch): void {
    if (reads > 0) this.#health.record('read', durationMs, reads);
    if (writes > 0) this.#health.record('write', durationMs, writes);
  }

  #owns(slot: number): boolean {
    return this.#ring.shardOf(slot) === this.shard;
  }
}

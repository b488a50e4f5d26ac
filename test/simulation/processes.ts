/**
 * The processes of the simulated service: the product's own classes, given simulated ports. What each decides is the
 * product's; here it is only born, told and killed.
 */

import { noRules } from '../../src/access/gate.ts';
import { noOpId, type OpId, opIdBytes } from '../../src/kv/op-id.ts';
import { isWrite, type KeyOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import { writeUInt53 } from '../../src/kv/uint53.ts';
import { ringOf } from '../../src/partition/ring.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { ShardCluster } from '../../src/primary/shard-cluster.ts';
import { TopologyFile } from '../../src/primary/topology-file.ts';
import { BatchSize } from '../../src/rebalance/batch-size.ts';
import type { Move } from '../../src/rebalance/move.ts';
import { Dispatcher } from '../../src/routing/dispatcher.ts';
import { Shard } from '../../src/shard/shard.ts';
import { FileLocked, isDiskFull, WrongFile } from '../../src/sqlite/database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { ShardFileReader } from '../../src/sqlite/shard-file-reader.ts';
import type { FileIdentity } from '../../src/sqlite/standing-table.ts';
import { defaultRestartPolicy } from '../../src/supervision/child-state.ts';
import { tellHealth } from '../../src/supervision/heartbeat.ts';
import { Inbox, type StartMessage, type WorkerJob } from '../../src/supervision/inbox.ts';
import type {
  Health,
  MessageToChild,
  MessageToPrimary,
  StartRouter,
  StartShard,
} from '../../src/supervision/messages.ts';
import type { ForkedProcess } from '../../src/supervision/supervised-child.ts';
import type { FrontendSpec } from '../../src/supervision/supervisor.ts';
import { metaPath } from './disks.ts';
import type { Invariants } from './invariants.ts';
import { ControlChannel, type ControlOdds } from './network.ts';
import type { Life } from './scheduler.ts';
import type { SimulatedWorld } from './simulated-world.ts';
import { Violation } from './violation.ts';

const valueBytesMax = 1_000;
/** Until an operator restarts what was given up. */
const operatorDelayMs = 2_000;

/** Announcements, commands and reports of moves are repeated until they arrive; nothing else is. */
function dropOf({ type }: MessageToChild | MessageToPrimary, { drop, dropAnnouncement }: ControlOdds): number {
  if (type === 'topology') return dropAnnouncement;
  return type.startsWith('move') ? drop : 0;
}

type OnMessage = (message: unknown) => void;
type OnExit = (code: number | null, signal: NodeJS.Signals | null) => void;

/** A child as its parent sees it. */
export class SimulatedChild implements ForkedProcess {
  readonly pid = 1;
  readonly life: Life;
  readonly #toChild: ControlChannel<MessageToChild>;
  readonly #toPrimary: ControlChannel<MessageToPrimary>;
  readonly #world: SimulatedWorld;
  #onMessage: OnMessage = () => {};
  #onExit: OnExit = () => {};

  constructor(world: SimulatedWorld, parent: Life, name: string, receive: (message: MessageToChild) => void) {
    this.#world = world;
    this.life = world.newLife(name);
    this.#toChild = new ControlChannel(world, world.controlOdds, this.life, receive);
    this.#toPrimary = new ControlChannel(world, world.controlOdds, parent, (message) => this.#onMessage(message));
    world.scheduler.soon(this.life, () => this.tell({ type: 'born' }));
    world.onEnd(this.life, () => world.scheduler.soon(parent, () => this.#onExit(null, 'SIGKILL')));
  }

  get connected(): boolean {
    return this.life.isAlive;
  }

  send(message: MessageToChild): void {
    this.#toChild.send(message, { drop: dropOf(message, this.#world.controlOdds) });
  }

  tell(message: MessageToPrimary): void {
    this.#world.onReport(this.life, message);
    this.#toPrimary.send(message, { drop: dropOf(message, this.#world.controlOdds) });
  }

  kill(): void {
    this.#world.kill(this.life);
  }

  on(event: string, run: (...values: never[]) => void): void {
    if (event === 'message') this.#onMessage = run as OnMessage;
    if (event === 'exit') this.#onExit = run as OnExit;
  }

  /** The child serves, and says so, and how it is from then on. */
  serves(inbox: Inbox<StartMessage>, job: WorkerJob): void {
    inbox.begun(job);
    this.tell({ type: 'ready' });
    tellHealth(
      this.#world.scheduler.clockOf(this.life),
      { health: () => job.health(), sequence: () => inbox.sequence },
      (message) => this.tell(message),
    );
  }

  /** What `drain` wrote leaves before the end. */
  ends(job: WorkerJob | undefined): void {
    void job?.drain();
    this.#world.scheduler.soon(this.life, () => this.#world.kill(this.life));
  }

  refuses(reason: string): void {
    this.tell({ type: 'refused', reason });
    this.ends(undefined);
  }
}

function forkShard(world: SimulatedWorld, parent: Life, id: number): SimulatedChild {
  const inbox: Inbox<StartMessage> = new Inbox('start-shard', {
    onStart: (start) => beginShard(world, child, inbox, start as StartShard),
    onMeasure: () => {},
    onDrain: (job) => child.ends(job),
  });
  const child = new SimulatedChild(world, parent, `shard-${id}`, (message) => inbox.receive(message));
  return child;
}

function beginShard(world: SimulatedWorld, child: SimulatedChild, inbox: Inbox<StartMessage>, start: StartShard): void {
  const { life } = child;
  // A shard that owns nothing has nothing to miss.
  if (start.acknowledgedLsn === null) world.disks.putBack(start.file);
  let file: WatchedFile;
  try {
    file = new WatchedFile(world, life, start);
  } catch (error) {
    if (error instanceof WrongFile) return child.refuses(error.message);
    if (!(error instanceof FileLocked || isDiskFull(error))) throw error;
    world.trace.note(life, () => `cannot open its file and exits: ${(error as Error).message}`);
    return world.kill(life);
  }
  if (world.disks.isExchanged(start.file))
    throw new Violation('copy', `shard ${start.shard} takes an older copy for its file`);
  const shard = new Shard(start, file, {
    clock: world.scheduler.clockOf(life),
    sockets: world.network.socketsOf(life),
    usage: noUsage,
    stepLimits: world.circumstances.stepLimits,
    tell: (message) => child.tell(message),
    onWireError: (error) => {
      throw error;
    },
  });
  world.shards.push({ life, shard });
  void shard.listen();
  child.serves(inbox, shard);
}

/** The product's file, of which the invariants hear what was applied. */
class WatchedFile extends ShardFile {
  readonly #world: SimulatedWorld;
  readonly #path: string;

  constructor(world: SimulatedWorld, life: Life, start: StartShard) {
    const { file, service, shard, acknowledgedLsn, topology } = start;
    super(
      file,
      { service, shard },
      {
        open: world.disks.openerOf(life),
        clock: world.scheduler.clockOf(life),
        ledger: world.circumstances.ledger,
        record: { acknowledgedLsn, epoch: topology.epoch },
      },
    );
    this.#world = world;
    this.#path = file;
  }

  override execute(requests: Parameters<ShardFile['execute']>[0]): readonly Outcome[] {
    const { invariants, sessions, disks } = this.#world;
    const disk = disks.at(this.#path);
    const { lsn } = this.counters;
    if (disk !== undefined) disk.isWatched = true;
    try {
      const outcomes = super.execute(requests);
      invariants.onExecuted(this.#path, lsn, requests, outcomes);
      sessions.onExecuted(lsn, requests, outcomes);
      return outcomes;
    } finally {
      if (disk !== undefined) disk.isWatched = false;
    }
  }
}

/** A router: clients ask it, and it answers each exactly once, if it lives. */
export class SimulatedRouter {
  readonly life: Life;
  readonly #world: SimulatedWorld;
  readonly #session: Buffer;
  #dispatcher: Dispatcher | undefined;
  #writesBegun = 0;

  constructor(world: SimulatedWorld, child: SimulatedChild, inbox: Inbox<StartMessage>, start: StartMessage) {
    this.#world = world;
    this.life = child.life;
    this.#session = world.newSession();
    const { topology, directReads } = start as StartRouter;
    const dispatcher = new Dispatcher(ringOf(topology, topology.slots), {
      clock: world.scheduler.clockOf(child.life),
      sockets: world.network.socketsOf(child.life),
      hold: world.circumstances.hold,
      frameBytesMax: 2 ** 20,
      ...(directReads && { fileOf: (shard) => readerOf(world, child.life, { service: directReads.service, shard }) }),
      session: this.#session,
      onWireError: (error) => {
        throw error;
      },
    });
    this.#dispatcher = dispatcher;
    dispatcher.adopt(dispatcher.ring, topology.shards);
    child.serves(inbox, {
      health: () => quietHealth,
      measures: () => [],
      adopt: (next) => dispatcher.adopt(ringOf(next, next.slots), next.shards),
      drain: async () => dispatcher.stop(),
    });
  }

  get epoch(): number {
    return this.#dispatcher?.ring.epoch ?? 0;
  }

  execute(operation: KeyOperation, settle: (outcome: Outcome) => void): void {
    const opId = (isWrite(operation) ? operation.idempotencyKey?.opId : noOpId) ?? this.#nextOpId();
    this.#dispatcher?.execute(operation, (answer) => {
      this.#world.invariants.onTold(operation, opId.toString('hex'), answer as Outcome);
      settle(answer as Outcome);
    });
  }

  /** What the dispatcher will call the write. */
  #nextOpId(): OpId {
    const opId = Buffer.alloc(opIdBytes);
    this.#session.copy(opId);
    writeUInt53(opId, ++this.#writesBegun, 8);
    return opId;
  }
}

function readerOf(world: SimulatedWorld, life: Life, identity: FileIdentity): ShardFileReader {
  return new ShardFileReader(world.pathOf(identity.shard), identity, {
    clock: world.scheduler.clockOf(life),
    open: world.disks.openToRead,
    onUnreadable: (error) => world.trace.note(life, () => `cannot read: ${(error as Error).message}`),
  });
}

/** Clients of the simulation speak no HTTP. */
const noEdge = {
  log: { level: 'silent', files: null },
  host: '',
  port: 0,
  listenFd: null,
  valueBytesMax,
  bodyMemoryBytesMax: 0,
  allowedHosts: [] as string[],
  allowedOrigins: [] as string[],
  accessRules: noRules,
  rateLimit: null,
  certificate: null,
  metering: 'off',
  accessLog: { kind: 'off', slowMs: null },
} as const;
const noUsage = {
  cpuUsage: () => ({ user: 0, system: 0 }),
  memoryUsage: { rss: () => 0 },
  eventLoop: () => ({ eventLoopDelayMs: 0, eventLoopUtilization: 0 }),
};
const noOperations = { perS: 0, p50Ms: null, p99Ms: null };

const quietHealth: Health = {
  type: 'health',
  cpuPercent: 0,
  memoryBytes: 0,
  eventLoopDelayMs: 0,
  eventLoopUtilization: 0,
  operationsPerS: 0,
  p99Ms: null,
  intervalP99Ms: null,
  reads: noOperations,
  writes: noOperations,
  failuresPerS: 0,
  connections: null,
  keys: null,
  bytes: null,
  lsn: null,
};

function forkRouter(world: SimulatedWorld, parent: Life, name: string): SimulatedChild {
  const inbox: Inbox<StartMessage> = new Inbox('start-router', {
    onStart: (start) => void world.routers.push(new SimulatedRouter(world, child, inbox, start)),
    onMeasure: () => {},
    onDrain: (job) => child.ends(job),
  });
  const child = new SimulatedChild(world, parent, name, (message) => inbox.receive(message));
  return child;
}

/** The product's record, of which the invariants hear what is committed. */
class WatchedRecord extends TopologyFile {
  readonly #invariants: Invariants;

  constructor(world: SimulatedWorld, life: Life) {
    const { shards, slots } = world.circumstances;
    super(metaPath, { strategy: 'partitioned', store: 'sqlite', shards, slots }, { open: world.disks.openerOf(life) });
    this.#invariants = world.invariants;
    this.#invariants.onRing(this.ring);
  }

  override openMove(change: number, move: Omit<Move, 'id'>): Move {
    this.#invariants.onMoveBegins(change);
    return super.openMove(change, move);
  }

  override commitMove(move: Move): void {
    this.#invariants.onCommit(move);
    super.commitMove(move);
    this.#invariants.onRing(this.ring);
  }

  override endChange(...ended: Parameters<TopologyFile['endChange']>): void {
    const [id, state] = ended;
    this.#invariants.onChangeEnds(this.change(id), state, this.ring);
    super.endChange(...ended);
  }
}

export class SimulatedPrimary {
  readonly life: Life;
  readonly record: TopologyFile;
  readonly cluster: ShardCluster;

  constructor(world: SimulatedWorld, life: Life) {
    const { circumstances, scheduler, fate, trace } = world;
    const { reads } = circumstances;
    this.life = life;
    this.record = new WatchedRecord(world, life);
    const clock: Clock = scheduler.clockOf(life);
    const note = (_facts: object, text: string) => trace.note(life, () => text);
    const router = (index: number): FrontendSpec => ({
      name: `router-${index}`,
      role: 'router',
      overlaps: true,
      fork: () => forkRouter(world, life, `router-${index}`),
      startMessage: (topology) => {
        const directReads = reads === 'direct' ? { service: this.record.service, directory: '' } : null;
        return { type: 'start-router', router: index, ...noEdge, directReads, topology };
      },
    });
    this.cluster = new ShardCluster({
      roster: {
        frontends: () => Array.from({ length: circumstances.routers }, (_, index) => router(index + 1)),
        forkShard: (id) => forkShard(world, life, id),
        socketsOf: (id, forks) => ({ forRouters: `${id}.${forks}.sock`, forMoves: `${id}.${forks}.move` }),
        startShard: (shard, { forRouters, forMoves }, topology) => ({
          type: 'start-shard',
          shard,
          log: noEdge.log,
          service: this.record.service,
          file: world.pathOf(shard),
          socketPath: forRouters,
          moveSocketPath: forMoves,
          valueBytesMax,
          acknowledgedLsn: this.record.files.demandedLsn(shard, topology),
          reads,
          topology,
        }),
      },
      record: this.record,
      shardIds: [...this.record.weights().keys()],
      policy: { ...defaultRestartPolicy, deathsMax: circumstances.deathsMax },
      listeners: [
        {
          // An operator puts the right file back and restarts what was given up.
          onState: (child) => {
            if (child.state !== 'failed') return;
            scheduler.after(life, operatorDelayMs, () => {
              world.disks.putAllBack();
              child.restart();
            });
          },
        },
      ],
      removeFile: (shard) => world.disks.remove(world.pathOf(shard)),
      batchSize: new BatchSize(circumstances.batch),
      clock,
      log: {
        debug: (facts, text) => {
          note(facts, text);
          world.onPhase(facts);
        },
        info: note,
        warn: note,
        error: note,
      },
      random: () => fate.below(100) / 100,
    });
  }
}

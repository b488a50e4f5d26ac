/** The processes of the simulated service, made of what the product makes them of, with ports of this world. */

import { noRules } from '../../../src/access/gate.ts';
import { readConfig } from '../../../src/config/read-config.ts';
import { ringOf } from '../../../src/partition/ring.ts';
import { rosterOf } from '../../../src/primary/roster.ts';
import { ShardCluster } from '../../../src/primary/shard-cluster.ts';
import type { TopologyFile } from '../../../src/primary/topology-file.ts';
import { BatchSize } from '../../../src/rebalance/batch-size.ts';
import { dispatcherOf } from '../../../src/router/dispatcher-of.ts';
import type { FileOfShard } from '../../../src/routing/direct-reads.ts';
import { OpIds } from '../../../src/routing/op-ids.ts';
import { openOwnFile } from '../../../src/shard/own-file.ts';
import { Shard } from '../../../src/shard/shard.ts';
import { ShardFileReader } from '../../../src/sqlite/shard-file-reader.ts';
import { clockAfter, type ToldTime, toldTimeIn } from '../../../src/sqlite/told-time.ts';
import { defaultRestartPolicy } from '../../../src/supervision/child-state.ts';
import { HealthSampler } from '../../../src/supervision/health.ts';
import type { WorkerJob } from '../../../src/supervision/inbox.ts';
import type { StartRouter, StartShard, Topology } from '../../../src/supervision/messages.ts';
import type { ForkedProcess, SupervisedChild } from '../../../src/supervision/supervised-child.ts';
import type { Circumstances } from '../circumstances.ts';
import { type Disks, pathOf } from '../disks.ts';
import type { Network } from '../network.ts';
import type { Life } from '../scheduler.ts';
import type { Watch, WatchedRouter } from '../watch.ts';
import { type ProcessWorld, SimulatedChild } from './simulated-child.ts';
import { clockOf } from './simulated-clock.ts';

/** What the processes of a service have around them. */
export type ServiceWorld = ProcessWorld & {
  readonly circumstances: Circumstances;
  readonly network: Network;
  readonly disks: Disks;
  readonly watch: Watch;
  readonly newSession: () => Buffer;
  readonly onShard: (life: Life, shard: Shard) => void;
  readonly onRouter: (router: WatchedRouter) => void;
  readonly onState: (primary: Life, child: SupervisedChild) => void;
  readonly onPhase: (facts: object) => void;
};

const usualSettings = readConfig({ flags: {}, environment: {}, file: undefined });
const noUsage = {
  cpuUsage: () => ({ user: 0, system: 0 }),
  memoryUsage: { rss: () => 0 },
  eventLoop: () => ({ eventLoopDelayMs: 0, eventLoopUtilization: 0 }),
};

const places = {
  path: '',
  sharedFile: '',
  shardFile: pathOf,
  shardSockets: (shard: number, life: number) => ({
    forRouters: `${shard}.${life}.sock`,
    forMoves: `${shard}.${life}.move`,
  }),
  removeSocketsOf: () => {},
};

function onWireError(error: Error): void {
  throw error;
}

function forkShard(world: ServiceWorld, parent: Life, name: string): ForkedProcess {
  const begin = (start: StartShard, { life, tell }: SimulatedChild<StartShard>): WorkerJob => {
    const clock = clockOf(world.scheduler, life);
    // A shard that owns nothing has nothing to miss.
    if (start.acknowledgedLsn === null) world.disks.putBack(start.file);
    const { ledger, stepLimits } = world.circumstances;
    const file = openOwnFile(start, { open: world.disks.openerOf(life), clock, ledger });
    world.watch.file(file, start);
    const sockets = world.network.socketsOf(life);
    const shard = new Shard(start, file, { clock, sockets, usage: noUsage, stepLimits, tell, onWireError });
    world.onShard(life, shard);
    void shard.listen();
    return shard;
  };
  return new SimulatedChild(world, { parent, name, starts: 'start-shard', begin });
}

function forkRouter(world: ServiceWorld, parent: Life, name: string): ForkedProcess {
  const begin = (start: StartRouter, { life }: SimulatedChild<StartRouter>): WorkerJob => {
    const clock = clockOf(world.scheduler, life);
    const session = world.newSession();
    const { directReads } = start;
    const dispatcher = dispatcherOf(start, {
      clock,
      sockets: world.network.socketsOf(life),
      hold: world.circumstances.hold,
      fileOf: directReads === null ? undefined : filesOf(world, life, directReads.service),
      opIds: new OpIds(session),
      onWireError,
    });
    const health = new HealthSampler(clock, noUsage);
    const adopt = (next: Topology) => dispatcher.adopt(ringOf(next, next.slots), next.shards);
    adopt(start.topology);
    world.onRouter(world.watch.router(life, dispatcher, new OpIds(session)));
    return { health: () => health.sample(), measures: () => [], adopt, drain: async () => dispatcher.stop() };
  };
  return new SimulatedChild(world, { parent, name, starts: 'start-router', begin });
}

function filesOf({ scheduler, disks, trace }: ServiceWorld, life: Life, service: string): FileOfShard {
  const clock = clockOf(scheduler, life);
  const onUnreadable = (error: unknown) => trace.note(life, () => `cannot read: ${(error as Error).message}`);
  return (shard) =>
    new ShardFileReader(pathOf(shard), { service, shard }, { clock, open: disks.openToRead, onUnreadable });
}

/** What the shards' files tell of the time: nothing where processes are not of one machine. */
function toldIn({ circumstances, disks }: ServiceWorld, record: TopologyFile): ToldTime[] {
  if (circumstances.clocks === 'apart') return [];
  return [...record.weights().keys()].flatMap((shard) => {
    const disk = disks.at(pathOf(shard));
    return disk?.snapshot(() => toldTimeIn(disk)) ?? [];
  });
}

export class SimulatedPrimary {
  readonly life: Life;
  readonly record: TopologyFile;
  readonly cluster: ShardCluster;

  constructor(world: ServiceWorld, life: Life) {
    const { circumstances, scheduler, fate, trace, disks } = world;
    const { routers, reads, deathsMax, batch } = circumstances;
    const note = (_facts: object, text: string) => trace.note(life, () => text);
    this.life = life;
    this.record = world.watch.newRecord(circumstances, disks.openerOf(life));
    const clock = clockOf(scheduler, life);
    const config = { ...usualSettings, valueBytesMax: 1_000, routers, reads };
    this.cluster = new ShardCluster({
      roster: rosterOf({
        config: () => config,
        strategy: 'partitioned',
        directory: places,
        service: this.record.service,
        access: () => ({ rules: noRules, certificate: null }),
        files: this.record.files,
        time: clockAfter(toldIn(world, this.record), clock),
        inheritedFd: undefined,
        forks: {
          forkShard: (shard) => forkShard(world, life, `shard-${shard}`),
          forkFrontend: (name) => forkRouter(world, life, name),
        },
      }),
      record: this.record,
      shardIds: [...this.record.weights().keys()],
      policy: { ...defaultRestartPolicy, deathsMax },
      listeners: [{ onState: (child) => world.onState(life, child) }],
      removeFile: (shard) => disks.remove(pathOf(shard)),
      batchSize: new BatchSize(batch),
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

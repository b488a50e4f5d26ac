/**
 * The primary's children: forked, told the topology, mourned and forked again. A mirror of `primary/supervisor.ts`
 * and `primary/supervised-child.ts`, with time and exits in the hands of fate.
 */

import { ControlChannel } from './connection.ts';
import type { ChildProcess, ChildStateName, ControlMessage, Report, Topology, World } from './processes.ts';
import type { Life } from './scheduler.ts';
import type { SimulatedRing } from './simulated-ring.ts';
import { SimulatedRouter } from './simulated-router.ts';
import { SimulatedShard } from './simulated-shard.ts';

const restartDelayMs = 100;
/** Until an operator restarts what was given up. */
const operatorDelayMs = 2_000;

type Forked = { readonly process: ChildProcess; readonly channel: ControlChannel<ControlMessage> };

type Child = {
  readonly name: string;
  /** Undefined for a router. */
  readonly shard: number | undefined;
  state: ChildStateName;
  forked: Forked | undefined;
};

export type SupervisorEvents = {
  readonly onDeath: (shard: number) => void;
  readonly onReport: (report: Report) => void;
};

export class SimulatedSupervisor {
  readonly #world: World;
  readonly #life: Life;
  readonly #ring: () => SimulatedRing;
  readonly #events: SupervisorEvents;
  readonly #children: readonly Child[];
  #sequence = 0;

  constructor(world: World, life: Life, ring: () => SimulatedRing, events: SupervisorEvents) {
    this.#world = world;
    this.#life = life;
    this.#ring = ring;
    this.#events = events;
    const { shards, routers } = world.circumstances;
    const child = (name: string, shard: number | undefined): Child => {
      return { name, shard, state: 'starting', forked: undefined };
    };
    this.#children = [
      ...Array.from({ length: shards }, (_, index) => child(`shard-${index + 1}`, index + 1)),
      ...Array.from({ length: routers }, (_, index) => child(`router-${index + 1}`, undefined)),
    ];
  }

  start(): void {
    for (const child of this.#children) this.#fork(child);
  }

  get isAtRest(): boolean {
    return this.#children.every(({ state }) => state === 'ready');
  }

  stateOf(shard: number): ChildStateName | undefined {
    return this.#children.find((child) => child.shard === shard)?.state;
  }

  shard(id: number): SimulatedShard | undefined {
    return this.#addressOf(id);
  }

  send(shard: number, message: ControlMessage): void {
    this.#children.find((child) => child.shard === shard)?.forked?.channel.send(message, { isCertain: false });
  }

  announce(): void {
    this.#sequence++;
    const topology = this.#topology();
    for (const { forked } of this.#children) {
      // Nothing would repeat it: fork IPC loses nothing between two processes that live.
      forked?.channel.send({ type: 'topology', topology }, { isCertain: true });
    }
  }

  #topology(): Topology {
    return {
      sequence: this.#sequence,
      ring: this.#ring(),
      shards: this.#children.flatMap(({ shard, state }) =>
        shard === undefined ? [] : [{ id: shard, state, at: this.#addressOf(shard) }],
      ),
    };
  }

  #addressOf(shard: number): SimulatedShard | undefined {
    const child = this.#children.find((other) => other.shard === shard);
    return child?.state === 'ready' ? (child.forked?.process as SimulatedShard | undefined) : undefined;
  }

  #fork(child: Child): void {
    const world = this.#world;
    const life = world.newLife(child.name);
    const reports = new ControlChannel<Report>(world, world.controlOdds, this.#life, (report) =>
      this.#onReport(child, process, report),
    );
    const tell = (report: Report) => reports.send(report, { isCertain: report.type === 'ready' });
    const process = this.#newProcess(child, life, tell);
    const channel = new ControlChannel<ControlMessage>(world, world.controlOdds, life, (message) =>
      process.obey(message),
    );
    child.forked = { process, channel };
    this.#become(child, 'starting');
    // Born: its start message is made now.
    world.scheduler.soon(this.#life, () => {
      channel.send({ type: 'start', topology: this.#topology() }, { isCertain: true });
    });
  }

  #newProcess({ shard }: Child, life: Life, tell: (report: Report) => void): ChildProcess {
    const world = this.#world;
    if (shard === undefined) {
      const router = new SimulatedRouter(world, life, tell);
      world.routers.push(router);
      return router;
    }
    const process = new SimulatedShard(world, shard, life, tell);
    world.shards.push(process);
    return process;
  }

  /** The world saw this life end: the primary learns of it some time later. */
  onEnd(life: Life): void {
    const child = this.#children.find(({ forked }) => forked?.process.life === life);
    if (child !== undefined) this.#world.scheduler.soon(this.#life, () => this.#onExit(child));
  }

  #onExit(child: Child): void {
    this.#world.trace.note(this.#life, () => `sees that ${child.name} is gone`);
    child.forked = undefined;
    if (child.shard !== undefined) this.#events.onDeath(child.shard);
    const isGivenUp =
      this.#world.scheduler.isChaotic &&
      child.shard !== undefined &&
      this.#world.fate.chance(this.#world.circumstances.givesUp);
    this.#become(child, isGivenUp ? 'failed' : 'backoff');
    this.#world.scheduler.after(this.#life, isGivenUp ? operatorDelayMs : restartDelayMs, () => this.#fork(child));
  }

  #onReport(child: Child, process: ChildProcess, report: Report): void {
    if (report.type !== 'ready') return this.#events.onReport(report);
    if (child.forked?.process === process && child.state === 'starting') this.#become(child, 'ready');
  }

  #become(child: Child, state: ChildStateName): void {
    if (child.state === state) return;
    child.state = state;
    if (child.shard !== undefined) this.announce();
  }
}

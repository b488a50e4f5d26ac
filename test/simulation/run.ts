/**
 * One run of one seed: a world with its circumstances, some adversity, then peace; and the verdict. The same seed
 * runs the same way every time.
 */

import type { ChangeRequest } from '../../src/rebalance/topology-change.ts';
import { historyReport } from '../support/history-report.ts';
import { checkHistory } from '../support/linearizability.ts';
import { Random } from '../support/random.ts';
import { type Adversity, adversityOf, type ControlKind, circumstancesOf } from './circumstances.ts';
import { Coverage } from './coverage.ts';
import { SeededFate } from './fate.ts';
import type { Intent } from './intent.ts';
import { type Oddities, odditiesOf, oddity } from './oddities.ts';
import { sessionIntents } from './sessions.ts';
import { SimulatedWorld } from './simulated-world.ts';
import { Violation } from './violation.ts';

/** Steps after the last fault within which all must be at rest: most need a few hundred. */
const restStepsMax = 20_000;

const restIntervalSteps = 8;
/** An operator comes by. */
const resumeIntervalSteps = 500;

export type Failure = {
  readonly seed: number;
  /** I1 to I9, `history`, or `defect` for whatever else was thrown. */
  readonly invariant: string;
  readonly message: string;
  readonly trace: readonly string[];
};

export type RunOptions = {
  readonly coverage: Coverage;
  readonly isTraced: boolean;
  /** How control messages travel; each world as its seed says when undefined. */
  readonly control?: ControlKind | undefined;
};

/** Undefined when all went well. */
export function run(seed: number, { coverage, isTraced, control }: RunOptions): Failure | undefined {
  const random = new Random(seed);
  const oddities = seed % 6 === 4 ? odditiesOf(seed) : undefined;
  const { clocks = 'apart', dropAnnouncement = 0 } = oddities ?? {};
  const circumstances = { ...circumstancesOf(random, seed % 3 === 0 ? 'direct' : 'forwarded'), clocks };
  const adversity = adversityOf(random, control, circumstances.reads);
  // A hurried timer puts the clock of one process ahead.
  const odds = clocks === 'one' ? { ...adversity.odds, hurriedTimer: 0 } : adversity.odds;
  const fate = new SeededFate(random, odds, adversity.faultsMax);
  const { slots, keysPerSlot } = circumstances;
  const world = new SimulatedWorld({
    fate,
    circumstances,
    controlOdds: { ...adversity.control, dropAnnouncement },
    coverage,
    isTraced,
  });
  const keys = Array.from({ length: slots * keysPerSlot }, (_, index) => ({
    slot: index % slots,
    key: Buffer.from(`k${index}`),
  }));
  const { reads } = circumstances;
  const kinds = [
    // What routers read by themselves is most of what there is to find out then.
    ...Array.from({ length: reads === 'direct' ? 6 : 1 }, () => ({ kind: 'get' }) as const),
    { kind: 'put' },
    { kind: 'put' },
    { kind: 'put', only: 'if-absent' },
    { kind: 'put', only: 'if-unchanged' },
    { kind: 'delete' },
    { kind: 'delete', only: 'if-unchanged' },
  ] as const;
  try {
    world.preload(keys.filter(() => random.chance(0.5)).map((key) => ({ kind: 'put', ...key })));
    for (let client = 1; client <= circumstances.clients; client++) {
      const intents = Math.ceil(circumstances.operations / circumstances.clients);
      const intent = (): Intent => ({ ...random.pick(kinds), ...random.pick(keys) });
      world.clients.begin(client, Array.from({ length: intents }, intent));
    }
    if (oddities !== undefined) {
      world.clients.begin(
        circumstances.clients + 1,
        sessionIntents(oddities.random, oddities.sessionOperations, circumstances),
      );
    }
    const changesAt = Array.from({ length: circumstances.changes }, () => random.below(adversity.steps * 0.6));
    live(world, adversity, { random, fate, changesAt, oddities });
    settle(world, fate);
    world.audit(keys.map((key) => ({ kind: 'get', ...key })));
    const verdict = checkHistory(world.clients.history, { stepsMax: 50_000 });
    if (verdict.ok === false) throw new Violation('history', historyReport(verdict));
    return undefined;
  } catch (error) {
    const invariant = error instanceof Violation ? error.invariant : 'defect';
    const message = error instanceof Violation ? error.message : String((error as Error).stack);
    return { seed, invariant, message, trace: world.trace.lines };
  } finally {
    world.end();
  }
}

/** What a seed that failed prints: the trace, and how to see it again. */
export function report(seed: number, control?: ControlKind): string {
  const failure = run(seed, { coverage: new Coverage(), isTraced: true, control });
  if (failure === undefined) return `Seed ${seed} did not fail again.`;
  return [
    ...failure.trace,
    '',
    `seed ${seed}: ${failure.message}`,
    `npm run simulate -- --seed ${seed}${control === undefined ? '' : ` --control ${control}`}`,
  ].join('\n');
}

type Life = {
  readonly random: Random;
  readonly fate: SeededFate;
  readonly changesAt: number[];
  readonly oddities: Oddities | undefined;
};

function live(world: SimulatedWorld, adversity: Adversity, { random, fate, changesAt, oddities }: Life): void {
  let faultsLeft = adversity.faultsMax;
  for (let step = 0; step < adversity.steps; step++) {
    for (let at = changesAt.indexOf(step); at !== -1; at = changesAt.indexOf(step)) {
      // A primary that is not there is asked a little later.
      if (world.primary === undefined) changesAt[at] = step + 1;
      else changesAt[at] = -1;
      if (changesAt[at] === -1) requestChange(world, random);
    }
    if (faultsLeft > 0) faultsLeft -= misfortune(world, adversity, random);
    if (oddities !== undefined) oddity(world, oddities);
    if (!world.step()) for (const life of world.lives) world.wake(life);
  }
  fate.strikesLeft = 0;
}

/** @returns how many faults it was */
function misfortune(world: SimulatedWorld, adversity: Adversity, random: Random): number {
  if (random.chance(adversity.primaryCrash) && world.primary !== undefined) {
    world.kill(world.primary.life);
    return 1;
  }
  if (random.chance(adversity.crash)) {
    const children = world.lives.filter((life) => life !== world.primary?.life);
    if (children.length === 0) return 0;
    world.kill(random.pick(children));
    return 1;
  }
  if (random.chance(adversity.stall) && world.lives.length > 0) {
    world.stall(random.pick(world.lives));
    return 1;
  }
  if (random.chance(adversity.breakConnection)) {
    world.breakConnection();
    return 1;
  }
  if (random.chance(adversity.fullDisk)) {
    world.fillDisk();
    return 1;
  }
  if (random.chance(adversity.reload)) reloadShard(world, random);
  if (random.chance(adversity.abort)) abortChange(world);
  if (random.chance(adversity.pause)) pauseChange(world);
  if (random.chance(2 * adversity.pause)) resumeChange(world);
  return 0;
}

function requestChange(world: SimulatedWorld, random: Random): void {
  const { shardsMax } = world.circumstances;
  const shard = () => 1 + random.below(shardsMax);
  const request = random.pick<ChangeRequest>([
    { kind: 'add-shard', weight: 1 + random.below(2) },
    { kind: 'remove-shard', shard: 1 + random.below(3) },
    { kind: 'rebalance', weights: [[shard(), 1 + random.below(5)]] },
    { kind: 'rebalance', weights: [[1, 1 + random.below(5)]] },
  ]);
  world.trace.note(undefined, () => `an operator asks for ${JSON.stringify(request)}`);
  world.asOperator(({ cluster }) => void cluster.rebalancer.request(request));
}

/** A new process takes the place of one that serves. */
function reloadShard(world: SimulatedWorld, random: Random): void {
  world.asOperator(({ cluster, life }) => {
    const serving = cluster.supervisor.shards.filter(({ state }) => state === 'ready');
    if (serving.length === 0) return;
    const child = random.pick(serving);
    world.trace.note(life, () => `is asked to reload ${child.spec.name}`);
    void cluster.supervisor.replace(child);
  });
}

/** What an operator was told holds until another order is given, also when that one is lost. */
function abortChange(world: SimulatedWorld): void {
  world.asOperator(({ cluster, record, life }) => {
    const [change] = record.openChanges();
    if (change === undefined) return;
    world.trace.note(life, () => `is asked to abort change ${change.id}`);
    world.invariants.paused.delete(change.id);
    if (cluster.rebalancer.abort('an operator aborted it')) world.invariants.aborted.add(change.id);
  });
}

function pauseChange(world: SimulatedWorld): void {
  world.asOperator(({ cluster, record, life }) => {
    const [change] = record.openChanges();
    world.trace.note(life, () => `is asked to pause change ${change?.id}`);
    if (cluster.rebalancer.pause() && change !== undefined) world.invariants.paused.add(change.id);
  });
}

function resumeChange(world: SimulatedWorld): void {
  world.asOperator(({ cluster, life }) => {
    world.trace.note(life, () => 'is asked to resume');
    world.invariants.paused.clear();
    cluster.rebalancer.resume();
  });
}

/** No more faults: everything must come to rest. */
function settle(world: SimulatedWorld, fate: SeededFate): void {
  fate.strikesLeft = 0;
  world.scheduler.isChaotic = false;
  world.freeDisks();
  world.scheduler.dateAheadMs = 0;
  world.disks.putAllBack();
  world.trace.note(undefined, () => 'no more faults from here on');
  for (const life of world.lives) world.wake(life);
  for (let step = 0; step < restStepsMax; step++) {
    // Looking asks every disk: as much work as a step.
    if (step % restIntervalSteps === 0 && world.isAtRest) return;
    if (step % resumeIntervalSteps === 0) resumeChange(world);
    if (!world.step()) for (const life of world.lives) world.wake(life);
  }
}

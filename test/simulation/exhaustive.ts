/**
 * Small cases without chance: one slot with one key moves from one shard to another, three operations begin in
 * chosen phases of the move. Everything happens in the order in which it came about, except for a few deviations: a
 * process dies, an event overtakes one that came before it, a timer fires early. All executions with so many
 * deviations are run, each at every point at which it can be.
 */

import { setImmediate } from 'node:timers/promises';
import { defaultHoldLimits } from '../../src/holding/hold-queue.ts';
import type { ChangeRequest } from '../../src/rebalance/topology-change.ts';
import { defaultLedgerLimits } from '../../src/sqlite/ledger-table.ts';
import { checkHistory } from '../support/linearizability.ts';
import { batchOf, type Circumstances, stepLimitsOf } from './circumstances.ts';
import { Coverage, type Phase } from './coverage.ts';
import type { Fate } from './fate.ts';
import type { Intent } from './intent.ts';
import { SimulatedWorld } from './simulated-world.ts';
import { Violation } from './violation.ts';

type DeviationKind = 'death' | 'overtaking' | 'early timer';
/** At the n-th point at which fate was asked anything. */
type Deviation = { readonly at: number; readonly kind: DeviationKind };

export type Budget = Readonly<Record<DeviationKind, number>> & {
  /** Of two deviations, the second is so many points after the first at most: what is far apart is seldom one story. */
  readonly apart?: number;
};

export type Case = {
  readonly operations: readonly Intent['kind'][];
  /** In which phase each operation begins. */
  readonly phases: readonly Phase[];
};

const circumstances: Circumstances = {
  shards: 2,
  shardsMax: 2,
  routers: 1,
  clients: 1,
  slots: 2,
  keysPerSlot: 1,
  operations: 3,
  namedEvery: Number.POSITIVE_INFINITY,
  changes: 1,
  batch: batchOf(1),
  stepLimits: stepLimitsOf(1, 1),
  ledger: defaultLedgerLimits,
  hold: defaultHoldLimits,
  reads: 'forwarded',
  deathsMax: 7,
  clocks: 'apart',
};
/** Of two slots, the second shard is to have both. */
const change: ChangeRequest = { kind: 'rebalance', weights: [[2, 5]] };
const key = { slot: 0, key: Buffer.from('k') };
const stepsMax = 2_000;

/** Goes by the script, and notes where it could have gone another way. */
class ScriptedFate implements Fate {
  readonly #script: readonly Deviation[];
  #asked = 0;
  readonly choices: Deviation[] = [];

  constructor(script: readonly Deviation[]) {
    this.#script = script;
  }

  next(events: number): number {
    return events > 1 && this.#deviates('overtaking') ? 1 : 0;
  }

  hurriesTimer(): boolean {
    return this.#deviates('early timer');
  }

  strikes(): boolean {
    return this.#deviates('death');
  }

  /** All that was sent arrives; the youngest timer is the early one. */
  below(n: number): number {
    return n - 1;
  }

  chance(): boolean {
    return false;
  }

  lag(): number {
    return 0;
  }

  #deviates(kind: DeviationKind): boolean {
    const at = this.#asked++;
    const [planned] = this.#script.filter((deviation) => deviation.at === at);
    if (planned !== undefined) return true;
    this.choices.push({ at, kind });
    return false;
  }
}

class PhaseWatch extends Coverage {
  onPhase: (phase: Phase) => void = () => {};

  override phase(phase: Phase): void {
    super.phase(phase);
    this.onPhase(phase);
  }
}

export type ExhaustiveFailure = { readonly script: string; readonly message: string; readonly trace: string };

/** @returns how many executions there were, and the first one that failed */
export async function explore(
  small: Case,
  budget: Budget,
): Promise<{ readonly executions: number; readonly failure?: ExhaustiveFailure }> {
  let executions = 0;
  const scripts: Deviation[][] = [[]];
  for (let script = scripts.pop(); script !== undefined; script = scripts.pop()) {
    executions++;
    const { choices, error } = execute(small, script, false);
    // Promises of the product hold a world until they are settled.
    await setImmediate();
    if (error !== undefined) {
      const traced = execute(small, script, true);
      const message = `${small.operations} in ${small.phases}: ${error}`;
      return { executions, failure: { script: JSON.stringify(script), message, trace: traced.trace.join('\n') } };
    }
    const last = script.at(-1)?.at ?? -1;
    for (const choice of choices) {
      if (choice.at <= last || spent(script, choice.kind) >= budget[choice.kind]) continue;
      if (script.length > 0 && choice.at > last + (budget.apart ?? Number.POSITIVE_INFINITY)) continue;
      scripts.push([...script, choice]);
    }
  }
  return { executions };
}

function spent(script: readonly Deviation[], kind: DeviationKind): number {
  return script.reduce((sum, deviation) => (deviation.kind === kind ? sum + 1 : sum), 0);
}

function execute({ operations, phases }: Case, script: readonly Deviation[], isTraced: boolean) {
  const fate = new ScriptedFate(script);
  const coverage = new PhaseWatch();
  const controlOdds = { isOrdered: true, late: 0, drop: 0, dropAnnouncement: 0, duplicate: 0 };
  const world = new SimulatedWorld({ fate, circumstances, controlOdds, coverage, isTraced });
  const result = (error?: unknown) => ({ choices: fate.choices, error, trace: world.trace.lines });
  try {
    world.preload([{ kind: 'put', ...key }]);
    world.asOperator(({ cluster }) => void cluster.rebalancer.request(change));
    const begun = new Set<number>();
    coverage.onPhase = (phase) => {
      for (const [index, kind] of operations.entries()) {
        if (phases[index] !== phase || begun.has(index)) continue;
        begun.add(index);
        world.clients.begin(index + 1, [{ kind, ...key }]);
      }
    };
    for (let step = 0; step < stepsMax && !world.isAtRest; step++) world.step();
    world.audit([{ kind: 'get', ...key }]);
    if (checkHistory(world.clients.history).ok === false) throw new Violation('history', 'no order explains it');
    return result();
  } catch (error) {
    return result(error);
  } finally {
    world.end();
  }
}

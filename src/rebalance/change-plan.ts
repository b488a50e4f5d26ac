/** What a requested topology change would do: slots, keys and bytes of each shard before and after. It does nothing. */

import { planOf } from '../partition/plan.ts';
import { shardsMax, slotQuotas, type Weights } from '../partition/ring.ts';
import { ChangeRefused } from './change-refused.ts';
import type { Members, TopologyRecord } from './ports.ts';
import type { ChangeKind, ChangeRequest, TopologyChange } from './topology-change.ts';

export type ShardPlan = {
  readonly id: number;
  readonly slotsBefore: number;
  readonly slotsAfter: number;
  readonly keysBefore: number;
  /** Estimated, as if keys were spread evenly over slots. */
  readonly keysAfter: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
};

export type ChangePlan = {
  readonly kind: ChangeKind;
  readonly epoch: number;
  /** Id of the change that was asked for last, whatever has become of it; 0 if there was none. */
  readonly lastChange: number;
  readonly weights: readonly (readonly [shard: number, weight: number])[];
  readonly shards: readonly ShardPlan[];
  readonly slotsMoved: number;
  readonly keysMoved: number;
  readonly bytesMoved: number;
  /** Extra room on the disk: rows are there twice until the orphaned ones are purged. */
  readonly diskBytesNeeded: number;
  readonly estimatedMs: number;
};

const weightMax = 1_000;
/** Rows a second under clients' load, for the estimate. */
const estimatedRowsPerS = 20_000;
/** What a row takes on disk beside key and value. */
const rowOverheadBytes = 60;

/** Of the record, what a plan needs. */
export type PlannedTopology = Pick<TopologyRecord, 'ring' | 'weights' | 'nextShardId' | 'lastChangeId'> & {
  openChanges(): readonly Pick<TopologyChange, 'state' | 'request' | 'weights'>[];
};

/** @throws ChangeRefused, also when the request is of a plan that no longer holds */
export function planOfRequest(
  request: ChangeRequest,
  record: PlannedTopology,
  members: Pick<Members, 'members'>,
): ChangePlan {
  const { ring } = record;
  const lastChange = record.lastChangeId();
  refuseStalePlan(request, { epoch: ring.epoch, lastChange });
  const weights = weightsToPlanFor(request, record);
  const moves = planOf(ring, weights);
  const owned = new Map(ring.shards().map((shard) => [shard, ring.slotsOf(shard).length]));
  const quotas = slotQuotas(weights, owned, ring.slots);
  const held = new Map(members.members().map(({ id, held }) => [id, held]));

  const perSlot = (shard: number, figure: 'keys' | 'bytes') =>
    (held.get(shard)?.[figure] ?? 0) / Math.max(1, ring.slotsOf(shard).length);
  const moved = (figure: 'keys' | 'bytes', concerns: (move: (typeof moves)[number]) => boolean) =>
    Math.round(moves.filter(concerns).reduce((sum, move) => sum + move.slots.length * perSlot(move.from, figure), 0));

  const ids = [...new Set([...ring.shards(), ...weights.keys()])].sort((a, b) => a - b);
  const shards = ids.map((id): ShardPlan => {
    const keysBefore = held.get(id)?.keys ?? 0;
    const bytesBefore = held.get(id)?.bytes ?? 0;
    return {
      id,
      slotsBefore: ring.slotsOf(id).length,
      slotsAfter: quotas.get(id) ?? 0,
      keysBefore,
      keysAfter: keysBefore + moved('keys', ({ to }) => to === id) - moved('keys', ({ from }) => from === id),
      bytesBefore,
      bytesAfter: bytesBefore + moved('bytes', ({ to }) => to === id) - moved('bytes', ({ from }) => from === id),
    };
  });
  const keysMoved = moved('keys', () => true);
  const bytesMoved = moved('bytes', () => true);
  return {
    kind: request.kind,
    epoch: ring.epoch,
    lastChange,
    weights: [...weights],
    shards,
    slotsMoved: moves.reduce((sum, { slots }) => sum + slots.length, 0),
    keysMoved,
    bytesMoved,
    diskBytesNeeded: bytesMoved + keysMoved * rowOverheadBytes,
    estimatedMs: Math.round((keysMoved * 1_000) / estimatedRowsPerS),
  };
}

type PlanBasis = Pick<ChangePlan, 'epoch' | 'lastChange'>;

/** The epoch alone does not tell: it rises with the first move, and a change may have been asked for long before. */
function refuseStalePlan({ epoch, lastChange }: Partial<PlanBasis>, now: PlanBasis): void {
  if (epoch !== undefined && epoch !== now.epoch) {
    throw new ChangeRefused(`The plan is for epoch ${epoch}, but the ring is at epoch ${now.epoch}. Plan again.`);
  }
  if (lastChange !== undefined && lastChange !== now.lastChange) {
    throw new ChangeRefused(`The plan is older than change ${now.lastChange}. Plan again.`);
  }
}

/** Of what is there once every open change is done: a queued change builds on those before it. */
function weightsToPlanFor(request: ChangeRequest, record: PlannedTopology): Weights {
  let weights = record.weights();
  for (const change of record.openChanges()) {
    weights = change.state === 'queued' ? weightsAfter(change.request, weights, record.nextShardId()) : change.weights;
  }
  return weightsAfter(request, weights, record.nextShardId());
}

/** @throws ChangeRefused */
export function weightsAfter(request: ChangeRequest, before: Weights, nextShardId: number): Weights {
  const weights = new Map(before);
  switch (request.kind) {
    case 'add-shard': {
      const first = Math.max(nextShardId, ...[...weights.keys()].map((id) => id + 1));
      const count = wholeNumber(request.count ?? 1, '--count', shardsMax - weights.size);
      const weight = wholeNumber(request.weight ?? 1, '--weight', weightMax);
      for (let added = 0; added < count; added++) weights.set(first + added, weight);
      return weights;
    }
    case 'remove-shard':
      if (request.shard === undefined || !weights.delete(request.shard)) throw noSuchShard(request.shard, weights);
      if (weights.size === 0) {
        throw new ChangeRefused('The last shard cannot be removed: there is no other shard for its keys.');
      }
      return weights;
    case 'rebalance':
      for (const [shard, weight] of request.weights ?? []) {
        if (!weights.has(shard)) throw noSuchShard(shard, weights);
        weights.set(shard, wholeNumber(weight, `--weight ${shard}=`, weightMax));
      }
      return weights;
  }
}

function wholeNumber(value: number, what: string, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new ChangeRefused(`${what} is ${value}, but must be a whole number from 1 to ${max}.`);
}

function noSuchShard(shard: number | undefined, weights: Weights): ChangeRefused {
  return new ChangeRefused(`There is no shard ${shard}. The shards are ${[...weights.keys()].join(', ')}.`);
}

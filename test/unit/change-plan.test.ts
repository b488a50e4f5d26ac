/** What a requested change would do, computed before anything is done, and which requests are refused. */

import { describe, expect, test } from 'vitest';
import { firstRing, type Weights } from '../../src/partition/ring.ts';
import { planOfRequest, weightsAfter } from '../../src/rebalance/change-plan.ts';
import { ChangeRefused } from '../../src/rebalance/change-refused.ts';
import type { ChangeRequest } from '../../src/rebalance/topology-change.ts';

const two: Weights = new Map([
  [1, 1],
  [2, 1],
]);

function entries(weights: Weights): [number, number][] {
  return [...weights];
}

describe('the weights after a request', () => {
  test.each<[string, ChangeRequest, number, [number, number][]]>([
    [
      'one shard more',
      { kind: 'add-shard' },
      3,
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    ],
    [
      'several, of their own weight',
      { kind: 'add-shard', count: 2, weight: 5 },
      3,
      [
        [1, 1],
        [2, 1],
        [3, 5],
        [4, 5],
      ],
    ],
    [
      'a new id is one that no shard ever had',
      { kind: 'add-shard' },
      9,
      [
        [1, 1],
        [2, 1],
        [9, 1],
      ],
    ],
    [
      'and none that a change before it will use',
      { kind: 'add-shard' },
      1,
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    ],
    ['one less', { kind: 'remove-shard', shard: 1 }, 3, [[2, 1]]],
    [
      'other weights',
      { kind: 'rebalance', weights: [[2, 1_000]] },
      3,
      [
        [1, 1],
        [2, 1_000],
      ],
    ],
    [
      'the same weights',
      { kind: 'rebalance' },
      3,
      [
        [1, 1],
        [2, 1],
      ],
    ],
  ])('%s', (_what, request, nextShardId, weights) => {
    expect(entries(weightsAfter(request, two, nextShardId))).toEqual(weights);
    expect(entries(two)).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test.each<[string, ChangeRequest, string]>([
    ['no shards', { kind: 'add-shard', count: 0 }, '--count is 0, but must be a whole number from 1 to 254.'],
    ['more shards than there may be', { kind: 'add-shard', count: 255 }, '--count is 255'],
    ['half a shard', { kind: 'add-shard', count: 1.5 }, '--count is 1.5'],
    ['no weight', { kind: 'add-shard', weight: 0 }, '--weight is 0, but must be a whole number from 1 to 1000.'],
    ['too much weight', { kind: 'rebalance', weights: [[1, 1_001]] }, '--weight 1= is 1001'],
    ['a shard that is not there', { kind: 'remove-shard', shard: 7 }, 'There is no shard 7. The shards are 1, 2.'],
    ['a shard that is not named', { kind: 'remove-shard' }, 'There is no shard undefined'],
    ['weight for nobody', { kind: 'rebalance', weights: [[7, 1]] }, 'There is no shard 7. The shards are 1, 2.'],
  ])('%s is refused', (_what, request, sentence) => {
    expect(() => weightsAfter(request, two, 3)).toThrow(ChangeRefused);
    expect(() => weightsAfter(request, two, 3)).toThrow(sentence);
  });

  test('the last shard stays', () => {
    expect(() => weightsAfter({ kind: 'remove-shard', shard: 1 }, new Map([[1, 1]]), 2)).toThrow(
      'The last shard cannot be removed',
    );
  });
});

describe('a plan', () => {
  const topology = (openChanges: Parameters<typeof planOfRequest>[1]['openChanges'] = () => []) => ({
    ring: firstRing(two),
    weights: () => two,
    openChanges,
    nextShardId: () => 3,
    lastChangeId: () => 0,
  });
  const held = {
    members: () => [
      { id: 1, state: 'ready' as const, held: { keys: 8_192, bytes: 819_200 } },
      { id: 2, state: 'away' as const, held: undefined },
    ],
  };

  test('says how many slots, keys and bytes each shard has and will have', () => {
    const plan = planOfRequest({ kind: 'remove-shard', shard: 1 }, topology(), held);
    expect(plan).toMatchObject({
      kind: 'remove-shard',
      epoch: 1,
      weights: [[2, 1]],
      slotsMoved: 8_192,
      keysMoved: 8_192,
      bytesMoved: 819_200,
      diskBytesNeeded: 819_200 + 8_192 * 60,
      estimatedMs: 410,
    });
    expect(plan.shards).toEqual([
      {
        id: 1,
        slotsBefore: 8_192,
        slotsAfter: 0,
        keysBefore: 8_192,
        keysAfter: 0,
        bytesBefore: 819_200,
        bytesAfter: 0,
      },
      {
        id: 2,
        slotsBefore: 8_192,
        slotsAfter: 16_384,
        keysBefore: 0,
        keysAfter: 8_192,
        bytesBefore: 0,
        bytesAfter: 819_200,
      },
    ]);
  });

  test('lists a new shard, which has nothing yet', () => {
    const { shards } = planOfRequest({ kind: 'add-shard' }, topology(), held);
    expect(shards.map(({ id, slotsBefore, slotsAfter }) => [id, slotsBefore, slotsAfter])).toEqual([
      [1, 8_192, 5_462],
      [2, 8_192, 5_461],
      [3, 0, 5_461],
    ]);
    expect(shards[2]).toMatchObject({ keysBefore: 0, keysAfter: 2_730, bytesAfter: 273_000 });
  });

  test('builds on the changes that are open: what runs decides by its weights, what is queued by its request', () => {
    const running = { state: 'running', request: { kind: 'rebalance' }, weights: new Map([[2, 3]]) } as const;
    const queued = { state: 'queued', request: { kind: 'add-shard', weight: 7 }, weights: new Map() } as const;
    const plan = planOfRequest(
      { kind: 'rebalance' },
      topology(() => [running, queued]),
      held,
    );
    expect(plan.weights).toEqual([
      [2, 3],
      [3, 7],
    ]);
  });
});

/** What recovery concludes from files: the newest ring wins, and a file that has missed moves is an older copy. */

import { expect, test } from 'vitest';
import { firstRing, Ring } from '../../src/partition/ring.ts';
import { type FoundFile, type FoundTopology, findingsOf } from '../../src/primary/recovery-findings.ts';
import type { FileInspection } from '../../src/sqlite/file-inspection.ts';

const first = firstRing(
  new Map([
    [1, 1],
    [2, 1],
  ]),
);
const moved = first.slotsOf(1).slice(0, 10);
const owners = Uint16Array.from({ length: first.slots }, (_, slot) => (moved.includes(slot) ? 3 : first.shardOf(slot)));
const second = new Ring(2, owners);

const pathOf = (shard: number) => `shard-${shard}.sqlite`;

function file(shard: number, ring: Ring | undefined, more: Partial<FileInspection> = {}): FoundFile {
  const inspection: FileInspection = {
    service: 'ours',
    shard,
    counters: { lsn: 100 * shard, keys: 1, bytes: 1 },
    epoch: ring?.epoch ?? 0,
    adoptedRing: ring?.describe(),
    transfers: [],
    told: { latestMs: 0, note: { toldMs: 0, uptimeMs: 0, boot: '' } },
    ...more,
  };
  return { shard, path: pathOf(shard), inspection };
}

function note(direction: 'importing' | 'migrating' | 'orphaned') {
  return [{ move: 1, direction, slots: moved, keys: 0, bytes: 0, arrival: undefined }];
}

function topologyOf(ring: Ring, acknowledgedLsn: number | null = 0): FoundTopology {
  return {
    service: 'ours',
    ring,
    weights: new Map([1, 2].map((id) => [id, 1])),
    acknowledgedLsn: () => acknowledgedLsn,
  };
}

function problemsOf(files: readonly FoundFile[], topology?: FoundTopology): (string | null)[] | undefined {
  return findingsOf(files, topology, pathOf)?.shards.map(({ problem }) => problem);
}

test('the newest ring that any file has adopted is the ring, with meta.sqlite or without', () => {
  const files = [file(1, first, { transfers: note('migrating') }), file(2, second), file(3, second)];
  expect(findingsOf(files, undefined, pathOf)).toMatchObject({ service: 'ours', meta: 'missing', ring: second });
  expect(findingsOf(files, topologyOf(first), pathOf)).toMatchObject({ meta: 'older', ring: second });
  expect(findingsOf(files, topologyOf(second), pathOf)).toMatchObject({ meta: 'fits', ring: second, lsn: 300 });
});

test('a file that was killed before it adopted the newest ring fits by its notes, and without them is an older copy', () => {
  const others = [file(2, second), file(3, second)];
  expect(problemsOf([file(1, first, { transfers: note('migrating') }), ...others])).toEqual([null, null, null]);
  const older = expect.stringContaining('shard-1.sqlite is an older copy: it has the ring of epoch 1');
  expect(problemsOf([file(1, first), ...others])).toEqual([older, null, null]);
  expect(problemsOf([file(1, first, { transfers: note('orphaned') }), ...others])).toEqual([older, null, null]);
  const target = [file(1, second), file(2, second)];
  expect(problemsOf([...target, file(3, first, { transfers: note('importing') })])).toEqual([null, null, null]);
  expect(problemsOf([...target, file(3, first)])?.[2]).toContain('shard-3.sqlite is an older copy');
});

test('a file is judged by what was acknowledged of it, and one that was never made is not missed', () => {
  const files = [file(1, first), file(2, first)];
  expect(problemsOf(files, topologyOf(first, 100))).toEqual([null, null]);
  expect(problemsOf(files, topologyOf(first, 101))).toEqual([
    'shard-1.sqlite is an older copy: it ends with write 100, but write 101 was acknowledged.',
    null,
  ]);
  expect(problemsOf([file(1, first)], topologyOf(first))).toEqual([null, 'shard-2.sqlite is missing.']);
  expect(problemsOf([file(1, first)], topologyOf(first, null))).toEqual([null, null]);
});

test("another service's file, another shard's, and one that nobody can read do not fit", () => {
  const problems = (one: FoundFile) => problemsOf([file(1, first), one], topologyOf(first))?.[1];
  expect(problems(file(2, first, { service: 'theirs' }))).toBe('shard-2.sqlite belongs to shard 2 of service theirs.');
  expect(problems(file(2, first, { shard: 1 }))).toBe('shard-2.sqlite belongs to shard 1 of service ours.');
  expect(problems({ shard: 2, path: pathOf(2), problem: 'It is damaged.' })).toBe('It is damaged.');
  const foreign = [file(1, first), file(2, second, { service: 'theirs' })];
  expect(findingsOf(foreign, topologyOf(first), pathOf)?.ring.epoch).toBe(1);
  const stray = findingsOf([file(1, first), file(2, first), file(7, first)], topologyOf(first), pathOf);
  expect(stray?.strays).toEqual(['shard-7.sqlite']);
});

test('a file that was never partitioned holds everything, and of several such files nobody knows who owns what', () => {
  expect(findingsOf([file(1, undefined)], undefined, pathOf)?.ring.shards()).toEqual([1]);
  expect(findingsOf([file(1, undefined), file(2, undefined)], undefined, pathOf)).toBe(undefined);
  expect(findingsOf([], undefined, pathOf)).toBe(undefined);
});

/** What is recorded of the topology stays small, however often it changes. */

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TopologyFile } from '../../src/primary/topology-file.ts';
import { Database } from '../../src/sqlite/database.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const noFigures = { slots: 0, rows: 0, bytes: 0, freezeMaxMs: 0, failures: 0 };

test('of changes that are over neither rings nor moves are kept, and no id of a move is used twice', () => {
  const path = join(temporaryDirectory(), 'meta.sqlite');
  const topology = new TopologyFile(path, { strategy: 'partitioned', store: 'sqlite', shards: 2 });
  const ids: number[] = [];
  for (let times = 0; times < 20; times++) {
    const { id } = topology.addChange({ kind: 'rebalance' }, times);
    topology.beginChange(id, topology.weights(), times);
    const [from, to] = times % 2 === 0 ? [1, 2] : [2, 1];
    const move = topology.openMove(id, { from, to, slots: topology.ring.slotsOf(from).slice(0, 3) });
    ids.push(move.id);
    topology.commitMove(move);
    topology.finishMove(move.id, noFigures);
    topology.endChange(id, 'done', times, noFigures);
  }
  expect(new Set(ids).size).toBe(20);
  expect(topology.changes(100)).toHaveLength(20);
  topology.close();

  const db = new Database(path, { readonly: true });
  const countOf = (sql: string) => db.prepare(sql).pluck().get();
  expect([countOf('SELECT count(*) FROM move'), countOf('SELECT count(ring_before) FROM change')]).toEqual([1, 0]);
  db.close();
});

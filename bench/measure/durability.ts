/**
 * Whether an acknowledged write is on disk: asked of the system, not of the settings. One client writes one key after
 * the other; each answer must have waited for at least one sync of its own.
 */

import { nameOf } from '../contestants/contestant.ts';
import type { Running } from '../contestants/start-contestant.ts';
import type { Laboratory } from './laboratory.ts';

export type Durability = {
  readonly contestant: string;
  readonly writes: number;
  /** Calls of fsync and fdatasync meanwhile, as counted in the C library. */
  readonly syncs: number;
  /** At least one sync a write. */
  readonly durable: boolean;
};

const writes = 50;

export async function durabilityOf({ contestant, port, disk }: Running, laboratory: Laboratory): Promise<Durability> {
  const before = disk.syncs;
  const { answered } = await laboratory.drive({
    ...{ port, keys: writes, prefix: 'durability-', valueBytes: 100, connections: 1, readShare: 0, eachOnce: true },
  });
  const syncs = disk.syncs - before;
  return { contestant: nameOf(contestant), writes: answered, syncs, durable: answered === writes && syncs >= answered };
}

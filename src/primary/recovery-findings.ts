/** What a data directory comes to: whose file fits, and who owns what when `meta.sqlite` does not say it. Pure. */

import { firstRing, type Ring, ringOf, type Weights } from '../partition/ring.ts';
import type { FileInspection } from '../sqlite/file-inspection.ts';

/** A file by its name, and what it says of itself or, where it cannot be read, why. */
export type FoundFile = { readonly shard: number; readonly path: string } & (
  | { readonly inspection: FileInspection }
  | { readonly problem: string }
);

/** What meta.sqlite says. */
export type FoundTopology = {
  readonly service: string;
  readonly ring: Ring;
  readonly weights: Weights;
  readonly acknowledgedLsn: (shard: number) => number | null;
};

export type ShardFinding = {
  readonly shard: number;
  readonly slots: number;
  /** Of the last write in its file; 0 where it cannot be read as its own. */
  readonly lsn: number;
  readonly keys: number | null;
  readonly bytes: number | null;
  /** What is wrong with its file, in a sentence; null where it fits. */
  readonly problem: string | null;
};

export type Findings = {
  readonly service: string;
  /** The newest that is known anywhere. */
  readonly ring: Ring;
  readonly meta: 'fits' | 'missing' | 'older';
  readonly shards: readonly ShardFinding[];
  /** The highest lsn that is known of. */
  readonly lsn: number;
  /** Files that no shard of this service has: they are left as they are. */
  readonly strays: readonly string[];
};

/** Undefined where nothing says who owns what. */
export function findingsOf(
  files: readonly FoundFile[],
  topology: FoundTopology | undefined,
  pathOf: (shard: number) => string,
): Findings | undefined {
  const readable = files.flatMap((file) => ('inspection' in file ? [file.inspection] : []));
  const newest = readable.reduce<FileInspection | undefined>(
    (best, one) => (best === undefined || one.epoch > best.epoch ? one : best),
    undefined,
  );
  const service = topology?.service ?? newest?.service;
  if (service === undefined) return undefined;
  const ours = readable.filter((one) => one.service === service);
  const ring = newestRing(ours, topology);
  if (ring === undefined) return undefined;

  const shards = ring.shards().map((shard) => findingOf(shard, { files, service, ring, topology, pathOf }));
  const known = new Set([...ring.shards(), ...(topology?.weights.keys() ?? [])]);
  return {
    service,
    ring,
    meta: topology === undefined ? 'missing' : topology.ring.epoch < ring.epoch ? 'older' : 'fits',
    shards,
    lsn: Math.max(
      0,
      ...ours.map(({ counters }) => counters.lsn),
      ...ring.shards().map((id) => topology?.acknowledgedLsn(id) ?? 0),
    ),
    strays: files.filter(({ shard }) => !known.has(shard)).map(({ path }) => path),
  };
}

/** A ring is adopted after it was recorded: that of the highest epoch is the newest that was in force. */
function newestRing(files: readonly FileInspection[], topology: FoundTopology | undefined): Ring | undefined {
  const adopted = files.flatMap(({ adoptedRing }) => (adoptedRing === undefined ? [] : [ringOf(adoptedRing)]));
  const rings = [...(topology === undefined ? [] : [topology.ring]), ...adopted];
  if (rings.length > 0) return rings.reduce((best, one) => (one.epoch > best.epoch ? one : best));
  // What clones or a single process wrote has never been partitioned: one file holds all of it.
  const [only] = files;
  return files.length === 1 && only?.shard === 1 ? firstRing(new Map([[1, 1]])) : undefined;
}

type Circumstances = {
  readonly files: readonly FoundFile[];
  readonly service: string;
  readonly ring: Ring;
  readonly topology: FoundTopology | undefined;
  readonly pathOf: (shard: number) => string;
};

function findingOf(shard: number, { files, service, ring, topology, pathOf }: Circumstances): ShardFinding {
  const slots = ring.slotsOf(shard).length;
  const path = pathOf(shard);
  const unread = (problem: string | null) => ({ shard, slots, lsn: 0, keys: null, bytes: null, problem });
  const file = files.find((one) => one.shard === shard);
  const acknowledgedLsn = topology === undefined ? 0 : topology.acknowledgedLsn(shard);
  if (file === undefined) return unread(acknowledgedLsn === null ? null : `${path} is missing.`);
  if ('problem' in file) return unread(file.problem);
  const { inspection } = file;
  const { lsn, keys, bytes } = inspection.counters;
  if (inspection.service !== service || inspection.shard !== shard) {
    return unread(`${path} belongs to shard ${inspection.shard} of service ${inspection.service}.`);
  }
  const problem =
    lsn < (acknowledgedLsn ?? 0)
      ? `${path} is an older copy: it ends with write ${lsn}, but write ${acknowledgedLsn} was acknowledged.`
      : missesMoves(inspection, ring)
        ? `${path} is an older copy: it has the ring of epoch ${inspection.epoch}, and slots have moved since.`
        : null;
  return { shard, slots, lsn, keys, bytes, problem };
}

/** Slots that come or go are noted in the file before the ring says so. */
function missesMoves({ adoptedRing, transfers, shard }: FileInspection, ring: Ring): boolean {
  if (adoptedRing === undefined || adoptedRing.epoch >= ring.epoch) return false;
  const then = ringOf(adoptedRing);
  const noted = new Set(transfers.filter(({ direction }) => direction !== 'orphaned').flatMap(({ slots }) => slots));
  const hasMoved = (slot: number) => (then.shardOf(slot) === shard) !== (ring.shardOf(slot) === shard);
  return Array.from({ length: ring.slots }, (_, slot) => slot).some((slot) => hasMoved(slot) && !noted.has(slot));
}

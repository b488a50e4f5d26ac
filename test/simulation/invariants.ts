/**
 * What must hold at every step, and after the dust has settled. It sees everything, and changes nothing. A broken one
 * throws `Violation`, which ends the run.
 */

import { isWrite, type KeyOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import type { Ring } from '../../src/partition/ring.ts';
import type { Move } from '../../src/rebalance/move.ts';
import type { TopologyChange } from '../../src/rebalance/topology-change.ts';
import type { Shard } from '../../src/shard/shard.ts';
import type { Request } from '../../src/sqlite/write-batch.ts';
import type { SimulatedDisk } from './adapters/simulated-disk.ts';
import type { Life } from './scheduler.ts';
import { Violation } from './violation.ts';

export type Row = {
  readonly key: Buffer;
  readonly version: number;
  readonly contentType: string;
  readonly value: Buffer;
  readonly expiresAtMs: number;
};
/** Somebody who goes by a ring. */
type Adopter = { readonly life: Life; readonly epoch: number };

type RawRow = [key: Buffer, version: number, contentType: string, value: Buffer, expiresAtMs: number];

export class Invariants {
  readonly #diskOf: (shard: number) => SimulatedDisk | undefined;
  readonly #shardAt: (path: string) => number;
  readonly #versions = new Map<string, number>();
  /** The version that each write got, by op id. */
  readonly #applied = new Map<string, number>();
  /** Op ids of writes of which clients were told that they had no effect. */
  readonly #denied = new Set<string>();
  readonly #epochs = new Map<Life, number>();
  /** Changes of which an operator was told that they rest. */
  readonly paused = new Set<number>();
  /** Changes of which an operator was told that they are undone. */
  readonly aborted = new Set<number>();
  /** As it is on disk. */
  ring: Ring | undefined;

  constructor(diskOf: (shard: number) => SimulatedDisk | undefined, shardAt: (path: string) => number) {
    this.#diskOf = diskOf;
    this.#shardAt = shardAt;
  }

  /** Whatever lies in this slot of a shard's file, visible or not. */
  rowsOf(shard: number, slot: number): Map<string, Row> {
    const select = this.#diskOf(shard)
      ?.prepare('SELECT key, version, content_type, value, expires_at FROM entry WHERE slot IS ?')
      .raw();
    const rows = (select?.all(slot) ?? []) as RawRow[];
    return new Map(
      rows.map(([key, version, contentType, value, expiresAtMs]) => [
        key.toString('latin1'),
        { key, version, contentType, value, expiresAtMs },
      ]),
    );
  }

  /** A batch is on disk, and nobody was told yet. @param lsnBefore of the file: what is above it was applied now */
  onExecuted(path: string, lsnBefore: number, requests: readonly Request[], outcomes: readonly Outcome[]): void {
    const shard = this.#shardAt(path);
    for (const [index, { operation, resend }] of requests.entries()) {
      const owner = this.ring?.shardOf(operation.slot);
      const name = `${operation.kind} ${'key' in operation ? operation.key.toString('latin1') : ''}`;
      if (owner !== shard) {
        throw new Violation(
          'I1',
          `shard ${shard} executes ${name} on slot ${operation.slot}, which shard ${owner} owns`,
        );
      }
      const outcome = outcomes[index] as Outcome;
      if (!isWrite(operation) || outcome.kind === 'precondition-failed' || !('version' in outcome)) continue;
      if (outcome.version <= lsnBefore) continue;
      this.#onApplied(name, resend?.opId.toString('hex') ?? '', outcome.version);
    }
  }

  #onApplied(name: string, opId: string, version: number): void {
    // Asked for twice in one batch, and answered as the first time.
    if (this.#applied.get(opId) === version) return;
    const key = name.split(' ')[1] as string;
    const before = this.#versions.get(key) ?? 0;
    if (version <= before) throw new Violation('I2', `${key} gets version ${version} after ${before}`);
    this.#versions.set(key, version);
    if (this.#applied.has(opId)) throw new Violation('I7', `op id ${opId} (${name}) is applied twice`);
    if (this.#denied.has(opId)) throw new Violation('answer', `${name} is applied, after all`);
    this.#applied.set(opId, version);
  }

  /** What a client is told of its write is true, and stays true. */
  onTold(operation: KeyOperation, opId: string, outcome: Outcome): void {
    if (!isWrite(operation)) return;
    const applied = this.#applied.get(opId);
    const name = `${operation.kind} ${operation.key.toString('latin1')}`;
    // One that has a name may have been sent before, and that one may be on its way still.
    if (operation.idempotencyKey !== undefined && !('version' in outcome && outcome.kind !== 'precondition-failed'))
      return;
    // Nothing was done, and nothing will be.
    if (outcome.kind === 'precondition-failed') {
      if (applied !== undefined) throw new Violation('answer', `${name} is told ${outcome.kind}, but was applied`);
      this.#denied.add(opId);
      return;
    }
    if ('version' in outcome) {
      if (outcome.version === applied) return;
      throw new Violation('answer', `${name} is told version ${outcome.version}, and has ${applied}`);
    }
    if (outcome.kind !== 'failed' || outcome.code === 'outcome-unknown') return;
    if (applied !== undefined) throw new Violation('answer', `${name} is told ${outcome.code}, but was applied`);
    this.#denied.add(opId);
  }

  /** The sums are there for what nobody foresees. Where disks and wires change no byte, they never differ. */
  onRowsDiffer(move: number): void {
    throw new Violation('sums', `what arrived by move ${move} is not what was sent`);
  }

  onMoveBegins(change: number): void {
    if (this.paused.has(change)) throw new Violation('pause', `a batch of change ${change} begins, which is paused`);
  }

  /** Right before the commit point: what the target has is what the source has. */
  onCommit({ from, to, slots }: Move): void {
    for (const slot of slots) {
      const left = this.rowsOf(from, slot);
      const arrived = this.rowsOf(to, slot);
      for (const name of new Set([...left.keys(), ...arrived.keys()])) {
        const a = left.get(name);
        const b = arrived.get(name);
        if (a !== undefined && b !== undefined && isSameRow(a, b)) continue;
        throw new Violation('I6', `${name} is version ${a?.version} at shard ${from}, ${b?.version} at shard ${to}`);
      }
    }
  }

  onRing(ring: Ring): void {
    if (ring.epoch < (this.ring?.epoch ?? 0)) throw new Violation('I8', `the ring went back to epoch ${ring.epoch}`);
    this.ring = ring;
  }

  onChangeEnds({ id, ringBefore }: TopologyChange, state: 'done' | 'aborted', ring: Ring): void {
    if (state === 'done') {
      if (this.aborted.has(id)) throw new Violation('undo', `change ${id} is done, though it was to be undone`);
      return;
    }
    for (let slot = 0; slot < ring.slots; slot++) {
      if (ringBefore === null || ring.shardOf(slot) === ringBefore.shardOf(slot)) continue;
      throw new Violation('undo', `slot ${slot} stays with shard ${ring.shardOf(slot)} though change ${id} is undone`);
    }
  }

  /** After each step. */
  check(routers: Iterable<Adopter>, shards: Iterable<{ readonly life: Life; readonly shard: Shard }>): void {
    const serving: (string | undefined)[] = [];
    for (const { life, shard } of shards) {
      if (!life.isAlive) continue;
      this.#checkEpoch(life, shard.epoch);
      for (let slot = 0; slot < (this.ring?.slots ?? 0); slot++) {
        if (!shard.serves(slot, Number.MAX_SAFE_INTEGER)) continue;
        if (serving[slot] !== undefined) {
          throw new Violation('I1', `slot ${slot} is served by ${serving[slot]} and ${life.name}`);
        }
        serving[slot] = life.name;
      }
    }
    for (const router of routers) this.#checkEpoch(router.life, router.epoch);
  }

  /** Thirty seconds after the last fault. @param shards that have a process */
  checkRest(shards: readonly number[], paths: readonly string[]): void {
    const ring = this.ring as Ring;
    for (const path of paths) {
      if (!shards.includes(this.#shardAt(path))) throw new Violation('I9', `the file of shard ${path} is left behind`);
    }
    for (const shard of shards) {
      let keys = 0;
      let bytes = 0;
      for (let slot = 0; slot < ring.slots; slot++) {
        for (const [name, { key, value }] of this.rowsOf(shard, slot)) {
          if (ring.shardOf(slot) !== shard) throw new Violation('I9', `shard ${shard} keeps the stray row ${name}`);
          keys++;
          bytes += key.length + value.length;
        }
      }
      const counted = (this.#diskOf(shard)
        ?.prepare('SELECT keys, bytes FROM ledger WHERE lsn = (SELECT max(lsn) FROM ledger)')
        .raw()
        .get() ?? [0, 0]) as [number, number];
      if (counted[0] !== keys || counted[1] !== bytes) {
        throw new Violation(
          'I5',
          `shard ${shard} counts ${counted.join(' keys and ')} bytes and shows ${keys} and ${bytes}`,
        );
      }
    }
  }

  #checkEpoch(life: Life, epoch: number): void {
    if (epoch < (this.#epochs.get(life) ?? 0)) throw new Violation('I8', `${life.name} goes back to epoch ${epoch}`);
    this.#epochs.set(life, epoch);
  }
}

function isSameRow(a: Row, b: Row): boolean {
  const areFieldsSame = a.version === b.version && a.contentType === b.contentType && a.expiresAtMs === b.expiresAtMs;
  return areFieldsSame && a.value.equals(b.value);
}

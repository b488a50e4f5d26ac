/**
 * What must hold at every step, and after the dust has settled: I1–I9 of ARCHITECTURE.md. It sees everything, and
 * changes nothing. A broken one throws `Violation`, which ends the run.
 */

import { isWrite, type KeyOperation, type WriteOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import type { Move } from '../../src/rebalance/move.ts';
import type { Life } from './scheduler.ts';
import type { SimulatedFile } from './simulated-file.ts';
import type { DurableTopology } from './simulated-primary.ts';
import type { SimulatedRouter } from './simulated-router.ts';
import type { SimulatedShard } from './simulated-shard.ts';

export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

export class Invariants {
  readonly #topology: DurableTopology;
  readonly #files: ReadonlyMap<number, SimulatedFile>;
  /** Who holds the exclusive lock on a shard's file. */
  readonly #holders = new Map<number, Life>();
  readonly #versions = new Map<string, number>();
  /** The version that each write got, by op id. */
  readonly #applied = new Map<string, number>();
  /** Op ids of writes of which clients were told that they had no effect. */
  readonly #denied = new Set<string>();
  readonly #epochs = new Map<Life, number>();
  #durableEpoch = 0;

  constructor(topology: DurableTopology, files: ReadonlyMap<number, SimulatedFile>) {
    this.#topology = topology;
    this.#files = files;
  }

  /** False when another life has not let go of it. */
  takesFile(life: Life, shard: number): boolean {
    const holder = this.#holders.get(shard);
    if (holder?.isAlive && holder !== life) return false;
    this.#holders.set(shard, life);
    return true;
  }

  onExecuted(shard: SimulatedShard, { slot, kind }: KeyOperation): void {
    const owner = this.#topology.ring.owners[slot];
    if (owner !== shard.shard) {
      throw new Violation('I1', `${shard.life.name} executes a ${kind} on slot ${slot}, which shard ${owner} owns`);
    }
  }

  onApplied({ operation, opId, version }: { operation: WriteOperation; opId: string; version: number }): void {
    const name = operation.key.toString('latin1');
    const before = this.#versions.get(name) ?? 0;
    if (version <= before) throw new Violation('I2', `${name} gets version ${version} after ${before}`);
    this.#versions.set(name, version);
    if (this.#applied.has(opId))
      throw new Violation('I7', `op id ${opId} (${operation.kind} ${name}) is applied twice`);
    if (this.#denied.has(opId)) throw new Violation('answer', `${operation.kind} ${name} is applied, after all`);
    this.#applied.set(opId, version);
  }

  /** What a client is told of its write is true, and stays true. */
  onTold(operation: KeyOperation, opId: string, outcome: Outcome): void {
    if (!isWrite(operation)) return;
    const applied = this.#applied.get(opId);
    const name = `${operation.kind} ${operation.key.toString('latin1')}`;
    // Nothing was done, and nothing will be.
    if (outcome.kind === 'precondition-failed') {
      if (applied !== undefined) throw new Violation('answer', `${name} is told that it was unmet, but was applied`);
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
  onSumsDiffer({ id }: Move): void {
    throw new Violation('sums', `what arrived by move ${id} is not what was sent`);
  }

  /** Right before the commit point: what the target has is what the source has. */
  onCommit({ from, to, slots }: Move): void {
    for (const slot of slots) {
      const left = this.#rowsOf(from, slot);
      const arrived = this.#rowsOf(to, slot);
      for (const name of new Set([...left.keys(), ...arrived.keys()])) {
        const a = left.get(name);
        const b = arrived.get(name);
        if (a?.version === b?.version && a?.contentType === b?.contentType && a?.value.equals(b?.value ?? a.value))
          continue;
        throw new Violation('I6', `${name} is version ${a?.version} at shard ${from}, ${b?.version} at shard ${to}`);
      }
    }
  }

  /** After each step. */
  check(routers: Iterable<SimulatedRouter>, shards: Iterable<SimulatedShard>): void {
    const serving: (string | undefined)[] = [];
    const { owners, epoch } = this.#topology.ring;
    if (epoch < this.#durableEpoch) throw new Violation('I8', `the ring went back to epoch ${epoch}`);
    this.#durableEpoch = epoch;
    for (const shard of shards) {
      if (!shard.life.isAlive) continue;
      this.#checkEpoch(shard.life, shard.epoch);
      for (let slot = 0; slot < owners.length; slot++) {
        if (!shard.serves(slot)) continue;
        if (serving[slot] !== undefined) {
          throw new Violation('I1', `slot ${slot} is served by ${serving[slot]} and ${shard.life.name}`);
        }
        serving[slot] = shard.life.name;
      }
    }
    for (const router of routers) this.#checkEpoch(router.life, router.epoch);
  }

  /** Thirty seconds after the last fault. */
  checkRest(): void {
    for (const [shard, file] of this.#files) {
      let keys = 0;
      let bytes = 0;
      for (const [slot, owner] of this.#topology.ring.owners.entries()) {
        for (const [name, { key, value }] of file.rowsOf(slot)) {
          if (owner !== shard) throw new Violation('I9', `shard ${shard} keeps the stray row ${name}`);
          keys++;
          bytes += key.length + value.length;
        }
      }
      const { counters } = file;
      if (counters.keys !== keys || counters.bytes !== bytes) {
        const counted = `${counters.keys} keys and ${counters.bytes} bytes`;
        throw new Violation('I5', `shard ${shard} counts ${counted} and shows ${keys} and ${bytes}`);
      }
      if (file.hasTransfers) throw new Violation('I9', `shard ${shard} keeps the note of a move`);
    }
  }

  #checkEpoch(life: Life, epoch: number): void {
    if (epoch < (this.#epochs.get(life) ?? 0)) throw new Violation('I8', `${life.name} goes back to epoch ${epoch}`);
    this.#epochs.set(life, epoch);
  }

  #rowsOf(shard: number, slot: number) {
    return (this.#files.get(shard) as SimulatedFile).rowsOf(slot);
  }
}

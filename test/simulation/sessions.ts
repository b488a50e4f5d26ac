/**
 * Keys whose values expire, as sessions do: what became of each, in the order in which the shards executed what was
 * asked. A value lives as long as its writer said, then it is gone, and it never comes back; whatever the clock says,
 * whoever dies, and wherever its slot goes.
 */

import type { KeyOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import type { Request } from '../../src/sqlite/write-batch.ts';
import type { Random } from '../support/random.ts';
import type { Circumstances } from './circumstances.ts';
import type { Intent } from './intent.ts';
import type { Clocks } from './scheduler.ts';
import { Violation } from './violation.ts';

/** Clocks that nobody sets differ by less. */
const toleranceMs = 3_000;
/** A time that is ahead of the machine's clock goes a tenth slower. */
const stretchMax = 1 / 0.9;

/** Where clocks disagree nobody can say when a value is over: there none is, for as long as the world lasts. */
const ttlsMs = { one: [6_000, 20_000], apart: [864_000_000] } as const satisfies Record<Clocks, readonly number[]>;
const restMsMax = 3_000;
const prefix = 's';

/** What a client of such keys does: it rests, so that time goes by. */
export function sessionIntents(
  random: Random,
  count: number,
  { slots, clocks }: Pick<Circumstances, 'slots' | 'clocks'>,
): Intent[] {
  return Array.from({ length: count }, () => {
    const slot = random.below(slots);
    const kind = random.pick(['get', 'get', 'put', 'touch', 'touch', 'delete'] as const);
    const key = Buffer.from(`${prefix}${slot}`);
    return { kind, slot, key, ttlMs: random.pick<number>(ttlsMs[clocks]), restMs: random.below(restMsMax) };
  });
}

export function isSession({ key }: { readonly key: Buffer }): boolean {
  return key.toString('latin1').startsWith(prefix);
}

type Session = {
  readonly version: number;
  readonly writtenAtMs: number;
  readonly ttlMs: number;
  /** Somebody was told that it is gone. */
  isOver: boolean;
};

export class Sessions {
  readonly #held = new Map<string, Session>();
  readonly #nowMs: () => number;

  /** @param nowMs what has really passed */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A batch is on disk. @param lsnBefore of the file: a write that is not above it was applied before */
  onExecuted(lsnBefore: number, requests: readonly Request[], outcomes: readonly Outcome[]): void {
    for (const [index, { operation }] of requests.entries()) {
      if (operation.kind !== 'atomic' && isSession(operation))
        this.#onExecuted(operation, outcomes[index] as Outcome, lsnBefore);
    }
  }

  #onExecuted(operation: KeyOperation, outcome: Outcome, lsnBefore: number): void {
    const key = operation.key.toString('latin1');
    const held = this.#held.get(key);
    if (outcome.kind === 'value') return this.#onPresent(key, outcome.version);
    if (outcome.kind === 'absent') return this.#onAbsent(key);
    if (outcome.kind === 'failed') return outcome.code === 'key-not-found' ? this.#onAbsent(key) : undefined;
    // What is sent again is answered as before.
    if (!('version' in outcome) || outcome.version <= Math.max(lsnBefore, held?.version ?? 0)) return;
    if (outcome.kind === 'deleted') return void this.#held.delete(key);
    if (outcome.kind === 'created') this.#onAbsent(key);
    if (outcome.kind === 'replaced') this.#onPresent(key, held?.version ?? 0);
    const ttlMs = 'ttlMs' in operation ? (operation.ttlMs ?? 0) : 0;
    this.#held.set(key, { version: outcome.version, writtenAtMs: this.#nowMs(), ttlMs, isOver: false });
  }

  #onPresent(key: string, version: number): void {
    const session = this.#held.get(key);
    if (session === undefined || session.version !== version)
      throw new Violation('expiry', `${key} has version ${version}, and was given ${session?.version} last`);
    if (session.isOver) throw new Violation('expiry', `${key}, version ${version}, comes back`);
    const ageMs = this.#nowMs() - session.writtenAtMs;
    if (ageMs > session.ttlMs * stretchMax + toleranceMs)
      throw new Violation('expiry', `${key} is there after ${ageMs} ms, and was to live for ${session.ttlMs}`);
  }

  #onAbsent(key: string): void {
    const session = this.#held.get(key);
    if (session === undefined || session.isOver) return;
    const ageMs = this.#nowMs() - session.writtenAtMs;
    if (ageMs < session.ttlMs - toleranceMs)
      throw new Violation('expiry', `${key} is gone after ${ageMs} ms, and was to live for ${session.ttlMs}`);
    session.isOver = true;
  }
}

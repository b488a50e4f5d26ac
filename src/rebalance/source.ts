/**
 * The giving side of a move: goes on serving, remembers what is written, and at the end serves no more. All in
 * memory on purpose: a source that dies knows nothing of the move, and owns its slots again if the ring still
 * says so. It must never forget a write between two answers, nor serve a frozen slot.
 *
 *   idle ──track──▶ tracking ──freeze──▶ frozen
 *    ▲                 │ cancel             │ cancel, or the ring says that the slots have left
 *    └─────────────────┴────────────────────┘
 */

import type { Key } from '../kv/key.ts';
import type { OpId } from '../kv/op-id.ts';
import { isWrite, type Operation } from '../kv/operation.ts';
import type { Move, MoveAnswer, MoveId, SourceReply, SourceRequest } from './move.ts';
import { packedBytes, type RowDelta } from './row.ts';
import type { SlotStorage } from './slot-storage.ts';
import { defaultStepLimits, type StepLimits } from './step-limits.ts';

type SourceState =
  | { readonly phase: 'idle' }
  | {
      readonly phase: 'tracking' | 'frozen';
      readonly move: Move;
      readonly slots: ReadonlySet<number>;
      /** Keys written since the target last asked for changes, by their bytes as latin1. */
      readonly changed: Map<string, { readonly slot: number; readonly key: Key }>;
      /** Names of those writes that have one, in the same way. */
      readonly named: Map<string, { readonly slot: number; readonly opId: OpId }>;
    };

type Tracked = Exclude<SourceState, { readonly phase: 'idle' }>;
type Limits = { readonly rowsMax: number; readonly bytesMax: number };

export class MoveSource {
  readonly #storage: SlotStorage;
  readonly #limits: StepLimits;
  #state: SourceState = { phase: 'idle' };
  /** The latest move that has ended here: commands for it, or for an older one, are late and ignored. */
  #over: MoveId = 0;

  constructor(storage: SlotStorage, limits = defaultStepLimits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** Repeated, it changes nothing; undefined when the command is late. */
  track(move: Move): MoveAnswer | undefined {
    if (move.id <= this.#over || (this.#state.phase !== 'idle' && move.id < this.#state.move.id)) return undefined;
    if (this.#state.phase === 'idle' || this.#state.move.id !== move.id) {
      this.#drop();
      this.#state = { phase: 'tracking', move, slots: new Set(move.slots), changed: new Map(), named: new Map() };
    }
    return 'tracked';
  }

  /** Undefined when this move is unknown: the source started after it began. */
  freeze(move: MoveId): MoveAnswer | undefined {
    if (this.#state.phase === 'idle' || this.#state.move.id !== move) return undefined;
    this.#state = { ...this.#state, phase: 'frozen' };
    return 'frozen';
  }

  /** Serves the slots again, unless the ring says otherwise. */
  cancel(move: MoveId): MoveAnswer {
    this.end(move);
    this.#storage.forget(move);
    return 'cancelled';
  }

  /** The move is over here. */
  end(move: MoveId): void {
    this.#over = Math.max(this.#over, move);
    if (this.#state.phase !== 'idle' && this.#state.move.id === move) this.#drop();
  }

  get move(): Move | undefined {
    return this.#state.phase === 'idle' ? undefined : this.#state.move;
  }

  refuses(slot: number): boolean {
    return this.#state.phase === 'frozen' && this.#state.slots.has(slot);
  }

  /** Whether writes to this slot are tracked or refused. */
  isLeaving(slot: number): boolean {
    return this.#state.phase !== 'idle' && this.#state.slots.has(slot);
  }

  /** Whether requests for some slots are refused right now. */
  get isFrozen(): boolean {
    return this.#state.phase === 'frozen';
  }

  /** In the same step as the write's commit. */
  noteWrite(operation: Operation): void {
    if (this.#state.phase === 'idle' || !this.#state.slots.has(operation.slot) || !isWrite(operation)) return;
    if (operation.kind === 'atomic') {
      for (const one of operation.operations) this.noteWrite(one);
      return;
    }
    const { slot, key, idempotencyKey } = operation;
    // Copies: these are views of what came off the wire.
    this.#state.changed.set(key.toString('latin1'), { slot, key: Buffer.from(key) });
    if (idempotencyKey === undefined) return;
    const opId = Buffer.from(idempotencyKey.opId);
    this.#state.named.set(opId.toString('latin1'), { slot, opId });
  }

  answer(request: SourceRequest): SourceReply {
    const state = this.#state;
    if (state.phase === 'idle' || state.move.id !== request.move) {
      return { kind: 'refusal', code: 'move-unknown', reason: `the source knows nothing of move ${request.move}` };
    }
    const { slots } = state.move;
    const { page, ledger: ledgerLimits } = this.#limits;
    switch (request.kind) {
      case 'page':
        return { kind: 'page', ...this.#storage.page(slots, request.after, page[request.step]) };
      case 'names':
        return { kind: 'names', ...this.#storage.names(slots, request.after, page[request.step]) };
      case 'changes': {
        const changes = this.#takeChanges(state, page.short);
        const names = this.#takeNames(state, page.short);
        const slotsUnsummed = this.#storage.sumSome(slots, page.short);
        const ledger = this.#storage.ledgerSince(slots, request.ledgerSinceLsn, ledgerLimits);
        return { kind: 'changes', changes, names, left: leftOf(state), slotsUnsummed, ledger };
      }
      case 'rest': {
        if (state.phase !== 'frozen')
          return { kind: 'refusal', code: 'move-unknown', reason: `move ${request.move} is not frozen` };
        const changes = this.#takeChanges(state, page.long);
        const names = this.#takeNames(state, page.long);
        const ledger = this.#storage.ledgerSince(slots, request.ledgerSinceLsn, ledgerLimits);
        const left = leftOf(state);
        // More than one reply may have: the target asks again.
        if (left > 0 || !ledger.isWhole) return { kind: 'changes', changes, names, left, slotsUnsummed: 0, ledger };
        const { lsn, forgottenLsn } = this.#storage;
        return { kind: 'rest', changes, names, ledger, sum: this.#storage.openOutgoing(state.move), lsn, forgottenLsn };
      }
    }
  }

  #drop(): void {
    if (this.#state.phase === 'idle') return;
    this.#storage.forgetSums(this.#state.move.slots);
    this.#state = { phase: 'idle' };
  }

  #takeChanges({ changed }: Tracked, limits: Limits): RowDelta[] {
    return takeSome(changed, limits, ({ slot, key }) => this.#storage.deltaOf(slot, key), packedBytes);
  }

  #takeNames({ named }: Tracked, limits: Limits): Buffer {
    const nameOf = ({ slot, opId }: { readonly slot: number; readonly opId: OpId }) => this.#storage.nameOf(slot, opId);
    return Buffer.concat(takeSome(named, limits, nameOf, ({ length }) => length));
  }
}

/** Takes as many of them as a step may have. @param find undefined where there is nothing to be sent */
function takeSome<One, Found>(
  from: Map<string, One>,
  { rowsMax, bytesMax }: Limits,
  find: (one: One) => Found | undefined,
  bytesOf: (found: Found) => number,
): Found[] {
  const taken: Found[] = [];
  let [looked, bytes] = [0, 0];
  for (const [name, one] of from) {
    if (looked++ >= rowsMax || bytes >= bytesMax) break;
    const found = find(one);
    from.delete(name);
    if (found === undefined) continue;
    taken.push(found);
    bytes += bytesOf(found);
  }
  return taken;
}

function leftOf({ changed, named }: Tracked): number {
  return changed.size + named.size;
}

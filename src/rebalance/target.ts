/**
 * The receiving side of a move: pulls pages, then rounds of changes until they are few, then, of a frozen source,
 * the rest; and only says `verified` once all of it is stored, compared and durable. It serves nothing of it
 * before the ring says that the slots are its own. Effects must be carried out one by one as they come: the next page
 * is asked for before this one is stored, so that both shards work at the same time.
 *
 *   idle ─prepare─▶ wiping ─none left─▶ prepared ─copy─▶ copying ─last name─▶ catching-up ─few changes─▶ waiting
 *    ▲                                                                                                       │ finish
 *    └────────── cancel, a refusal, or the ring says that the slots have come ────── sealed ◀─rest─ finishing
 */

import { allRecords, measureRecords } from '../kv/write-record.ts';
import { invariant } from '../ports/invariant.ts';
import { CarriedRecords } from './carried-records.ts';
import type { Move, MoveAnswer, MoveId, PageStep, Refusal, SourceReply, SourceRequest } from './move.ts';
import type { PackedRows } from './packed-rows.ts';
import { type Cursor, cursorOfPacked, isAfter, packedBytes } from './row.ts';
import type { SlotStorage } from './slot-storage.ts';
import { defaultStepLimits, type StepLimits } from './step-limits.ts';

/** Under writes that never pause, changes stop becoming fewer at some point. */
const roundsMax = 1_000;

export type TargetEffect =
  | { readonly kind: 'answer'; readonly move: MoveId; readonly answer: MoveAnswer }
  | ({ readonly kind: 'refuse'; readonly move: MoveId } & Refusal)
  | { readonly kind: 'request'; readonly request: SourceRequest }
  /** Call `wipe` again, after a pause that leaves time for clients. */
  | { readonly kind: 'wipe'; readonly move: MoveId }
  /** Names take time too, though nobody counts them among what has come. */
  | {
      readonly kind: 'progress';
      readonly move: MoveId;
      readonly rows: number;
      readonly bytes: number;
      readonly names: number;
    };

type TargetState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'wiping'; readonly move: Move; readonly step: PageStep }
  | { readonly phase: 'prepared'; readonly move: Move }
  /** `after`: where the page before the next one ended; undefined before the first. */
  | { readonly phase: 'copying'; readonly move: Move; readonly step: PageStep; readonly after?: Cursor }
  | {
      readonly phase: 'catching-up' | 'waiting' | 'finishing';
      readonly move: Move;
      readonly round: number;
      readonly ledger: Ledger;
    }
  | { readonly phase: 'sealed'; readonly move: Move };

/** What has arrived of the source's ledger so far. */
type Ledger = { readonly carried: CarriedRecords; readonly upToLsn: number };

const nothing = { rows: 0, bytes: 0, names: 0 };

export class MoveTarget {
  readonly #storage: SlotStorage;
  readonly #limits: StepLimits;
  #state: TargetState = { phase: 'idle' };
  /** The latest move that has ended here: commands for it, or for an older one, are late and ignored. */
  #over: MoveId = 0;

  constructor(storage: SlotStorage, limits = defaultStepLimits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  get move(): Move | undefined {
    return this.#state.phase === 'idle' ? undefined : this.#state.move;
  }

  prepare(move: Move, step: PageStep): TargetEffect[] {
    if (move.id <= this.#over || (this.#state.phase !== 'idle' && move.id < this.#state.move.id)) return [];
    if (this.#state.phase === 'prepared' && this.#state.move.id === move.id) return [answer(move, 'prepared')];
    // In any later phase of this move the command is late. A newer move begins in place of this one.
    if (this.#state.phase !== 'idle' && this.#state.move.id === move.id) return [];
    this.drop();
    this.#storage.openIncoming(move);
    this.#state = { phase: 'wiping', move, step };
    return this.wipe(move.id);
  }

  /** Wipes the next rows. */
  wipe(id: MoveId): TargetEffect[] {
    const state = this.#state;
    if (state.phase !== 'wiping' || state.move.id !== id) return [];
    const { move, step } = state;
    if (!this.#storage.wipe(move.slots, this.#limits.rowsWiped[step])) {
      return [
        { kind: 'progress', move: id, ...nothing },
        { kind: 'wipe', move: id },
      ];
    }
    this.#state = { phase: 'prepared', move };
    return [answer(move, 'prepared')];
  }

  copy(id: MoveId, step: PageStep): TargetEffect[] {
    const state = this.#state;
    if (state.phase === 'waiting' && state.move.id === id) return [answer(state.move, 'caught-up')];
    if (state.phase !== 'prepared' || state.move.id !== id) return this.#unlessUnderWay(id);
    this.#state = { phase: 'copying', move: state.move, step };
    return [page(this.#state, undefined)];
  }

  finish(id: MoveId): TargetEffect[] {
    const state = this.#state;
    if (state.phase === 'sealed' && state.move.id === id) return [answer(state.move, 'verified')];
    if (state.phase !== 'waiting' || state.move.id !== id) return this.#unlessUnderWay(id);
    this.#state = { ...state, phase: 'finishing' };
    return [restSince(state.move, state.ledger.upToLsn)];
  }

  cancel(id: MoveId): TargetEffect[] {
    this.end(id);
    this.#storage.forget(id);
    return [{ kind: 'answer', move: id, answer: 'cancelled' }];
  }

  /** The move is over here: the slots are this shard's own. */
  end(id: MoveId): void {
    this.#over = Math.max(this.#over, id);
    if (this.#state.phase !== 'idle' && this.#state.move.id === id) this.drop();
  }

  /** Forgets the move under way: what arrives of it is late, and commands for it are refused. */
  drop(): void {
    if (this.#state.phase === 'idle') return;
    this.#storage.forgetSums(this.#state.move.slots);
    this.#state = { phase: 'idle' };
  }

  /** Takes the source's reply to the last request. */
  receive(reply: SourceReply): Iterable<TargetEffect> {
    const state = this.#state;
    if (reply.kind === 'refusal') return this.#unlessSettled({ code: reply.code, reason: reply.reason });
    if (state.phase === 'copying' && reply.kind === 'page') return this.#onPage(state, reply);
    if (state.phase === 'copying' && reply.kind === 'names') return this.#onNames(state, reply);
    if (state.phase === 'catching-up' && reply.kind === 'changes') return this.#onChanges(state, reply);
    if (state.phase === 'finishing' && reply.kind === 'changes') return this.#onMoreBeforeRest(state, reply);
    if (state.phase === 'finishing' && reply.kind === 'rest') return this.#onRest(state, reply);
    // A late reply to a request from before a cancel.
    return [];
  }

  /** The primary will abort. */
  sourceLost(): TargetEffect[] {
    return this.#unlessSettled({ code: 'source-lost', reason: 'the connection to the source was lost' });
  }

  #unlessSettled(refusal: Refusal): TargetEffect[] {
    const { phase } = this.#state;
    if (phase === 'idle' || phase === 'wiping' || phase === 'prepared' || phase === 'sealed') return [];
    return [{ kind: 'refuse', move: this.#state.move.id, ...refusal }];
  }

  *#onPage(
    state: Extract<TargetState, { phase: 'copying' }>,
    { rows, next }: Extract<SourceReply, { kind: 'page' }>,
  ): Iterable<TargetEffect> {
    const { move, after } = state;
    checkPage(after, rows, next);
    if (next !== undefined) this.#state = { ...state, after: next };
    yield { kind: 'progress', move: move.id, ...nothing, rows: rows.count, bytes: rows.bytes.length };
    yield next === undefined ? names(state, undefined) : page(state, next);
    this.#storage.store(rows);
  }

  *#onNames(
    state: Extract<TargetState, { phase: 'copying' }>,
    { names: packed, next }: Extract<SourceReply, { kind: 'names' }>,
  ): Iterable<TargetEffect> {
    const { move } = state;
    yield { kind: 'progress', move: move.id, ...nothing, names: countOf(packed) };
    if (next !== undefined) yield names(state, next);
    this.#storage.keepNames(packed);
    if (next !== undefined) return;
    this.#state = { phase: 'catching-up', move, round: 1, ledger: { carried: new CarriedRecords(), upToLsn: 0 } };
    // Only after the last page: a change must overwrite the row that a page brought, never the other way.
    yield changesSince(move, 0);
  }

  #onChanges(
    { move, round, ledger: before }: Extract<TargetState, { phase: 'catching-up' | 'waiting' | 'finishing' }>,
    reply: Extract<SourceReply, { kind: 'changes' }>,
  ): TargetEffect[] {
    const { changes, left, slotsUnsummed, ledger: part } = reply;
    const { page, fewChanges } = this.#limits;
    const ledger = this.#takeChanges(move, before, reply);
    const isSummed = this.#storage.sumSome(move.slots, page.short) + slotsUnsummed === 0;
    const isCaughtUp = part.isWhole && left + changes.length <= fewChanges;
    if (isSummed && (isCaughtUp || round >= roundsMax)) {
      this.#state = { phase: 'waiting', move, round, ledger };
      return [progress(move, reply), answer(move, 'caught-up')];
    }
    // Summing comes to an end however much is written; only what clients write may not.
    this.#state = { phase: 'catching-up', move, round: isSummed ? round + 1 : round, ledger };
    return [progress(move, reply), changesSince(move, ledger.upToLsn)];
  }

  /** The rest is more than one reply may have. */
  #onMoreBeforeRest(
    state: Extract<TargetState, { phase: 'catching-up' | 'waiting' | 'finishing' }>,
    reply: Extract<SourceReply, { kind: 'changes' }>,
  ): TargetEffect[] {
    this.#state = { ...state, ledger: this.#takeChanges(state.move, state.ledger, reply) };
    return [restSince(state.move, reply.ledger.upToLsn)];
  }

  /** Stored as it comes, so that nobody has to wait for it while the slots are frozen. */
  #takeChanges(
    move: Move,
    { carried }: Ledger,
    { changes, names, ledger: { results, upToLsn } }: Extract<SourceReply, { kind: 'changes' }>,
  ): Ledger {
    this.#storage.apply(changes);
    this.#storage.keepNames(names);
    const records = carried.take(results);
    if (records.length > 0) this.#storage.carry(move, records, upToLsn);
    return { carried, upToLsn };
  }

  #onRest(
    { move, ledger }: Extract<TargetState, { phase: 'catching-up' | 'waiting' | 'finishing' }>,
    { changes, names, ledger: { results }, sum, lsn, forgottenLsn }: Extract<SourceReply, { kind: 'rest' }>,
  ): TargetEffect[] {
    const records = ledger.carried.take(results);
    if (!this.#storage.seal(move, { changes, names, records, sourceLsn: lsn, forgottenLsn, expected: sum })) {
      return [
        {
          kind: 'refuse',
          move: move.id,
          code: 'rows-differ',
          reason: `the rows that arrived are not those that shard ${move.from} holds`,
        },
      ];
    }
    this.#state = { phase: 'sealed', move };
    return [answer(move, 'verified')];
  }

  /** A repeated command is ignored; an unknown move means that this shard started after it began. */
  #unlessUnderWay(id: MoveId): TargetEffect[] {
    if (this.#state.phase !== 'idle' && this.#state.move.id === id) return [];
    return [{ kind: 'refuse', move: id, code: 'move-unknown', reason: 'the target knows nothing of this move' }];
  }
}

/** A page begins where the one before it ended, and they come to an end. */
function checkPage(after: Cursor | undefined, rows: PackedRows, next: Cursor | undefined): void {
  if (after === undefined) return;
  const [first] = rows;
  const begins = first === undefined ? undefined : cursorOfPacked(first);
  invariant(begins === undefined || isAfter(begins, after), 'a page of a move gives again what the one before it gave');
  invariant(next === undefined || isAfter(next, after), 'a page of a move ends where the one before it did');
}

function answer(move: Move, said: MoveAnswer): TargetEffect {
  return { kind: 'answer', move: move.id, answer: said };
}

function page(
  { move, step }: { readonly move: Move; readonly step: PageStep },
  after: Cursor | undefined,
): TargetEffect {
  return { kind: 'request', request: { kind: 'page', move: move.id, after, step } };
}

function names(
  { move, step }: { readonly move: Move; readonly step: PageStep },
  after: Cursor | undefined,
): TargetEffect {
  return { kind: 'request', request: { kind: 'names', move: move.id, after, step } };
}

function changesSince(move: Move, ledgerSinceLsn: number): TargetEffect {
  return { kind: 'request', request: { kind: 'changes', move: move.id, ledgerSinceLsn } };
}

function restSince(move: Move, ledgerSinceLsn: number): TargetEffect {
  return { kind: 'request', request: { kind: 'rest', move: move.id, ledgerSinceLsn } };
}

function progress(move: Move, { changes, names }: Extract<SourceReply, { kind: 'changes' }>): TargetEffect {
  const bytes = changes.reduce((sum, change) => sum + packedBytes(change), 0);
  return { kind: 'progress', move: move.id, rows: changes.length, bytes, names: countOf(names) };
}

function countOf(names: Buffer): number {
  return measureRecords(names, allRecords).records;
}

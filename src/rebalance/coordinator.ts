/**
 * The primary's part of one move, as a pure function (state, event) → (state, effects). It alone decides; the
 * shards do what they are asked and answer. Time, disk and processes are events and effects, so that a
 * simulator can drive it.
 *
 *   preparing ─prepared─▶ tracking ─tracked─▶ copying ─caught-up─▶ freezing ─frozen─▶ verifying
 *       │                    │                   │                    │                  │ verified
 *       │                    │                   │                    │                  ▼
 *       │                    │                   │                    │          ══ commit point ══
 *       └── refused, lost, overdue, abort ───────┴────────────────────┘                  │
 *                            ▼                                                           ▼
 *                        aborting ─both cancelled─▶ aborted           releasing ─both released─▶ done
 *
 * The commit point is one transaction on `meta.sqlite`: new owner, epoch + 1. Whatever happens before it, the
 * move never was; whatever happens after it, it will be finished. A shard that dies forgets what it was asked,
 * and learns at its next start from the ring alone what it owns.
 */

import type { Move, MoveAnswer, MoveCommand, MoveId, RefusalCode, Side } from './move.ts';

/** The sides that have yet to answer. */
type Awaited = { readonly source: boolean; readonly target: boolean };

export type CoordinatorState =
  | { readonly phase: 'preparing' | 'tracking' | 'copying' | 'freezing' | 'verifying'; readonly move: Move }
  | { readonly phase: 'releasing'; readonly move: Move; readonly awaited: Awaited }
  | { readonly phase: 'aborting'; readonly move: Move; readonly awaited: Awaited; readonly why: AbortReason }
  | { readonly phase: 'done'; readonly move: Move }
  | { readonly phase: 'aborted'; readonly move: Move; readonly why: AbortReason };

export type AbortReason = {
  readonly code: RefusalCode | 'shard-died' | 'overdue' | 'operator';
  /** For operators. */
  readonly reason: string;
};

export type CoordinatorEvent =
  | { readonly kind: 'answered'; readonly move: MoveId; readonly by: Side; readonly answer: MoveAnswer }
  /** A shard cannot do its part: no room, or what arrived is not what was sent. */
  | {
      readonly kind: 'refused';
      readonly move: MoveId;
      readonly by: Side;
      readonly code: RefusalCode;
      readonly reason: string;
    }
  /** The process of this side is gone. */
  | { readonly kind: 'lost'; readonly side: Side }
  /** Wiping or copying has made a step. */
  | { readonly kind: 'progressed'; readonly move: MoveId }
  | { readonly kind: 'overdue' }
  | { readonly kind: 'abort'; readonly reason: string };

export type CoordinatorEffect =
  | { readonly kind: 'ask'; readonly side: Side; readonly command: MoveCommand }
  /** One durable transaction: the slots belong to the target, epoch + 1, the move is committed. */
  | { readonly kind: 'commit' }
  /** Tell every process the ring as it now is. */
  | { readonly kind: 'announce' }
  /** Durable: the move is over, and how. */
  | { readonly kind: 'record-done' }
  | { readonly kind: 'record-aborted'; readonly why: AbortReason }
  /** Replaces any earlier timer of the move; `overdue` comes when it runs out. */
  | { readonly kind: 'set-timer'; readonly delayMs: number }
  | { readonly kind: 'clear-timer' };

export type CoordinatorStep = { readonly state: CoordinatorState; readonly effects: readonly CoordinatorEffect[] };

/** Silence for longer than this means that something hangs. Only liveness depends on these times, never safety. */
const patience = {
  /** No client waits while rows are wiped, tracked or copied. */
  copyingMs: 30_000,
  /** Clients wait for a frozen slot, five seconds at most. */
  frozenMs: 2_000,
  /** A question that must be answered is repeated this often. */
  askAgainMs: 500,
} as const;

const both: Awaited = { source: true, target: true };

/** The move is recorded as open when this is called. */
export function beginMove(move: Move): CoordinatorStep {
  return asking({ phase: 'preparing', move }, 'target', 'prepare', patience.copyingMs);
}

/** For each phase: whose answer it waits for, which one, and the step that follows. */
const forward = {
  preparing: {
    by: 'target',
    answer: 'prepared',
    next: (move) => asking({ phase: 'tracking', move }, 'source', 'track', patience.copyingMs),
  },
  tracking: {
    by: 'source',
    answer: 'tracked',
    next: (move) => asking({ phase: 'copying', move }, 'target', 'copy', patience.copyingMs),
  },
  copying: {
    by: 'target',
    answer: 'caught-up',
    next: (move) => asking({ phase: 'freezing', move }, 'source', 'freeze', patience.frozenMs),
  },
  freezing: {
    by: 'source',
    answer: 'frozen',
    next: (move) => asking({ phase: 'verifying', move }, 'target', 'finish', patience.frozenMs),
  },
  verifying: { by: 'target', answer: 'verified', next: committed },
} as const satisfies Record<string, { by: Side; answer: MoveAnswer; next: (move: Move) => CoordinatorStep }>;

export function nextCoordinatorStep(state: CoordinatorState, event: CoordinatorEvent): CoordinatorStep {
  if ('move' in event && event.move !== state.move.id) return unchanged(state);
  switch (state.phase) {
    case 'releasing':
      return whileReleasing(state, event);
    case 'aborting':
      return whileAborting(state, event);
    case 'done':
    case 'aborted':
      return unchanged(state);
    default:
      return beforeCommit(state, event);
  }
}

type BeforeCommit = Extract<CoordinatorState, { phase: keyof typeof forward }>;

function beforeCommit(state: BeforeCommit, event: CoordinatorEvent): CoordinatorStep {
  const { move, phase } = state;
  switch (event.kind) {
    case 'answered': {
      const { by, answer, next } = forward[phase];
      return event.by === by && event.answer === answer ? next(move) : unchanged(state);
    }
    case 'progressed':
      return phase === 'preparing' || phase === 'copying'
        ? { state, effects: [{ kind: 'set-timer', delayMs: patience.copyingMs }] }
        : unchanged(state);
    case 'lost':
      return aborting(
        move,
        { code: 'shard-died', reason: `shard ${shardOf(move, event.side)} died` },
        { ...both, [event.side]: false },
      );
    case 'refused':
      return aborting(move, { code: event.code, reason: event.reason }, both);
    case 'overdue':
      return aborting(move, { code: 'overdue', reason: `nothing was heard for too long while ${phase}` }, both);
    case 'abort':
      return aborting(move, { code: 'operator', reason: event.reason }, both);
  }
}

function whileReleasing(
  state: Extract<CoordinatorState, { phase: 'releasing' }>,
  event: CoordinatorEvent,
): CoordinatorStep {
  const { move } = state;
  // A side that died learns the new ring at its start: there is nothing more to wait for.
  const awaited = withoutAnswer(state.awaited, event, 'released');
  if (!awaited.source && !awaited.target) {
    return { state: { phase: 'done', move }, effects: [{ kind: 'clear-timer' }, { kind: 'record-done' }] };
  }
  const effects: CoordinatorEffect[] =
    event.kind === 'overdue'
      ? [{ kind: 'announce' }, ...asks(awaited, 'release'), { kind: 'set-timer', delayMs: patience.askAgainMs }]
      : [];
  return { state: { ...state, awaited }, effects };
}

function whileAborting(
  state: Extract<CoordinatorState, { phase: 'aborting' }>,
  event: CoordinatorEvent,
): CoordinatorStep {
  const { move, why } = state;
  const awaited = withoutAnswer(state.awaited, event, 'cancelled');
  if (!awaited.source && !awaited.target) {
    return {
      state: { phase: 'aborted', move, why },
      effects: [{ kind: 'clear-timer' }, { kind: 'record-aborted', why }],
    };
  }
  const again = event.kind === 'overdue';
  return {
    state: { ...state, awaited },
    effects: again ? [...asks(awaited, 'cancel'), { kind: 'set-timer', delayMs: patience.askAgainMs }] : [],
  };
}

function committed(move: Move): CoordinatorStep {
  return {
    state: { phase: 'releasing', move, awaited: both },
    // Persist before announce: after a crash this epoch may be announced again, never reused for another ring.
    effects: [
      { kind: 'commit' },
      { kind: 'announce' },
      ...asks(both, 'release'),
      { kind: 'set-timer', delayMs: patience.askAgainMs },
    ],
  };
}

function aborting(move: Move, why: AbortReason, awaited: Awaited): CoordinatorStep {
  return {
    state: { phase: 'aborting', move, why, awaited },
    effects: [...asks(awaited, 'cancel'), { kind: 'set-timer', delayMs: patience.askAgainMs }],
  };
}

/** The source first: clients wait for its slots. */
function asks(awaited: Awaited, command: MoveCommand): CoordinatorEffect[] {
  return (['source', 'target'] as const)
    .filter((side) => awaited[side])
    .map((side) => ({ kind: 'ask', side, command }));
}

function withoutAnswer(awaited: Awaited, event: CoordinatorEvent, answer: MoveAnswer): Awaited {
  if (event.kind === 'lost') return { ...awaited, [event.side]: false };
  if (event.kind === 'answered' && event.answer === answer) return { ...awaited, [event.by]: false };
  return awaited;
}

function asking(state: CoordinatorState, side: Side, command: MoveCommand, delayMs: number): CoordinatorStep {
  return {
    state,
    effects: [
      { kind: 'ask', side, command },
      { kind: 'set-timer', delayMs },
    ],
  };
}

function unchanged(state: CoordinatorState): CoordinatorStep {
  return { state, effects: [] };
}

function shardOf(move: Move, side: Side): number {
  return side === 'source' ? move.from : move.to;
}

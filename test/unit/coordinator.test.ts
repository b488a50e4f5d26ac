/**
 * The primary's decisions about one move, step by step. Whether they keep data safe together with those of the two
 * shards is what the simulator shows; this says what each of them is.
 */

import { describe, expect, test } from 'vitest';
import {
  beginMove,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStep,
  nextCoordinatorStep,
} from '../../src/rebalance/coordinator.ts';
import type { MoveAnswer } from '../../src/rebalance/move.ts';

const move = { id: 7, from: 1, to: 2, slots: [3, 4] };

function answered(by: 'source' | 'target', answer: MoveAnswer): CoordinatorEvent {
  return { kind: 'answered', move: move.id, by, answer };
}

const way: readonly CoordinatorEvent[] = [
  answered('target', 'prepared'),
  answered('source', 'tracked'),
  answered('target', 'caught-up'),
  answered('source', 'frozen'),
  answered('target', 'verified'),
];
const phases = ['preparing', 'tracking', 'copying', 'freezing', 'verifying'] as const;

/** The state after so many of the answers that lead to the commit. */
function stateAfter(answers: number): CoordinatorState {
  return way.slice(0, answers).reduce((state, event) => nextCoordinatorStep(state, event).state, beginMove(move).state);
}

/** Effects in short: `ask source freeze`, `set-timer 500`, `commit`. */
function effectsOf({ effects }: CoordinatorStep): string[] {
  return effects.map((effect) => {
    if (effect.kind === 'ask') return `ask ${effect.side} ${effect.command}`;
    if (effect.kind === 'set-timer') return `set-timer ${effect.delayMs}`;
    if (effect.kind === 'record-aborted') return `record-aborted ${effect.why.reason}`;
    return effect.kind;
  });
}

const cancels = ['ask source cancel', 'ask target cancel', 'set-timer 500'];

test('each answer leads to the next question, and the last one to the commit', () => {
  expect(effectsOf(beginMove(move))).toEqual(['ask target prepare', 'set-timer 30000']);
  const steps = way.map((event, index) => effectsOf(nextCoordinatorStep(stateAfter(index), event)));
  expect(steps).toEqual([
    ['ask source track', 'set-timer 30000'],
    ['ask target copy', 'set-timer 30000'],
    ['ask source freeze', 'set-timer 2000'],
    ['ask target finish', 'set-timer 2000'],
    ['commit', 'announce', 'ask source release', 'ask target release', 'set-timer 500'],
  ]);
  expect(way.map((_, index) => stateAfter(index).phase)).toEqual(phases);
  expect(stateAfter(5)).toEqual({ phase: 'releasing', move, awaited: { source: true, target: true } });
});

describe.each(phases.map((phase, index) => [phase, index] as const))('while %s', (phase, index) => {
  const state = stateAfter(index);
  const after = (event: CoordinatorEvent) => nextCoordinatorStep(state, event);

  test('an answer to another question, of the other side or of another move changes nothing', () => {
    for (const [other, event] of way.entries()) {
      if (event.kind !== 'answered' || other === index) continue;
      expect(after(event)).toEqual({ state, effects: [] });
    }
    const awaited = way[index] as Extract<CoordinatorEvent, { kind: 'answered' }>;
    expect(after({ ...awaited, by: awaited.by === 'source' ? 'target' : 'source' })).toEqual({ state, effects: [] });
    expect(after({ ...awaited, move: 6 })).toEqual({ state, effects: [] });
    expect(after({ kind: 'refused', move: 8, by: 'source', code: 'move-unknown', reason: 'late' })).toEqual({
      state,
      effects: [],
    });
  });

  test('a side that dies ends the move, and only the other one is told', () => {
    expect(after({ kind: 'lost', side: 'source' }).state).toEqual({
      phase: 'aborting',
      move,
      why: { code: 'shard-died', reason: 'shard 1 died' },
      awaited: { source: false, target: true },
    });
    expect(effectsOf(after({ kind: 'lost', side: 'target' }))).toEqual(['ask source cancel', 'set-timer 500']);
    expect(after({ kind: 'lost', side: 'target' }).state).toMatchObject({ why: { reason: 'shard 2 died' } });
  });

  test('a refusal, too long a silence and an operator end the move', () => {
    const ends: CoordinatorEvent[] = [
      { kind: 'refused', move: move.id, by: 'target', code: 'disk-full', reason: 'no room' },
      { kind: 'overdue' },
      { kind: 'abort', reason: 'an operator aborted it' },
    ];
    expect(ends.map((event) => effectsOf(after(event)))).toEqual([cancels, cancels, cancels]);
    expect(ends.map((event) => (after(event).state as { why?: { reason: string } }).why?.reason)).toEqual([
      'no room',
      `nothing was heard for too long while ${phase}`,
      'an operator aborted it',
    ]);
  });

  test('progress gives more time where wiping or copying takes long, and nowhere else', () => {
    const isLong = phase === 'preparing' || phase === 'copying';
    expect(after({ kind: 'progressed', move: move.id })).toEqual({
      state,
      effects: isLong ? [{ kind: 'set-timer', delayMs: 30_000 }] : [],
    });
  });
});

describe('after the commit', () => {
  const releasing = stateAfter(5);

  test('the move is done once both sides have released, or died', () => {
    const one = nextCoordinatorStep(releasing, answered('source', 'released'));
    expect(one).toEqual({ state: { ...releasing, awaited: { source: false, target: true } }, effects: [] });
    const both = nextCoordinatorStep(one.state, { kind: 'lost', side: 'target' });
    expect(both.state).toEqual({ phase: 'done', move });
    expect(effectsOf(both)).toEqual(['clear-timer', 'record-done']);
    const dead = nextCoordinatorStep(releasing, { kind: 'lost', side: 'source' });
    expect(dead.state).toMatchObject({ phase: 'releasing', awaited: { source: false, target: true } });
    expect(nextCoordinatorStep(dead.state, answered('target', 'released')).state.phase).toBe('done');
  });

  test('whoever has not released is told the ring and asked again', () => {
    expect(effectsOf(nextCoordinatorStep(releasing, { kind: 'overdue' }))).toEqual([
      'announce',
      'ask source release',
      'ask target release',
      'set-timer 500',
    ]);
    const { state } = nextCoordinatorStep(releasing, answered('source', 'released'));
    expect(effectsOf(nextCoordinatorStep(state, { kind: 'overdue' }))).toEqual([
      'announce',
      'ask target release',
      'set-timer 500',
    ]);
  });

  test('nothing aborts it, and no other answer releases it', () => {
    const events: CoordinatorEvent[] = [
      { kind: 'abort', reason: 'too late' },
      { kind: 'refused', move: move.id, by: 'source', code: 'move-unknown', reason: 'too late' },
      { kind: 'progressed', move: move.id },
      answered('source', 'cancelled'),
      answered('target', 'verified'),
    ];
    for (const event of events)
      expect(nextCoordinatorStep(releasing, event)).toEqual({ state: releasing, effects: [] });
  });
});

describe('an aborted move', () => {
  const aborting = nextCoordinatorStep(stateAfter(2), { kind: 'abort', reason: 'why' }).state;

  test('is over once both sides have cancelled, or died, and its reason is recorded', () => {
    const one = nextCoordinatorStep(aborting, answered('target', 'cancelled'));
    expect(one.effects).toEqual([]);
    expect(one.state).toMatchObject({ phase: 'aborting', awaited: { source: true, target: false } });
    const both = nextCoordinatorStep(one.state, { kind: 'lost', side: 'source' });
    expect(both.state).toEqual({ phase: 'aborted', move, why: { code: 'operator', reason: 'why' } });
    expect(effectsOf(both)).toEqual(['clear-timer', 'record-aborted why']);
  });

  test('asks again whoever has not cancelled, and announces nothing', () => {
    expect(effectsOf(nextCoordinatorStep(aborting, { kind: 'overdue' }))).toEqual(cancels);
    const { state } = nextCoordinatorStep(aborting, answered('source', 'cancelled'));
    expect(effectsOf(nextCoordinatorStep(state, { kind: 'overdue' }))).toEqual(['ask target cancel', 'set-timer 500']);
  });

  test('goes on aborting, whatever is answered late', () => {
    for (const event of [...way, { kind: 'abort', reason: 'again' } as const, answered('source', 'released')]) {
      expect(nextCoordinatorStep(aborting, event)).toEqual({ state: aborting, effects: [] });
    }
  });
});

test('a move that is over stays over', () => {
  const over: CoordinatorState[] = [
    { phase: 'done', move },
    { phase: 'aborted', move, why: { code: 'operator', reason: 'why' } },
  ];
  for (const state of over) {
    for (const event of [...way, { kind: 'overdue' } as const, { kind: 'lost', side: 'source' } as const]) {
      expect(nextCoordinatorStep(state, event)).toEqual({ state, effects: [] });
    }
  }
});

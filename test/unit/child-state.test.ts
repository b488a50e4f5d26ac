/**
 * The life of a child as the primary sees it. Two processes for one shard would be two writers of one file, and
 * a fork after the drain began would outlive the service: both are checked over random histories too.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ChildEffect,
  type ChildEvent,
  type ChildState,
  type ChildStateName,
  defaultRestartPolicy,
  firstStep,
  type KillReason,
  nextStep,
  type RestartPolicy,
  restartDelayMs,
  type Step,
} from '../../src/supervision/child-state.ts';

const policy = defaultRestartPolicy;
const context = { policy, random: () => 0 };

const states: { readonly [S in ChildStateName]: Extract<ChildState, { name: S }> } = {
  starting: { name: 'starting', deaths: 2 },
  ready: { name: 'ready', deaths: 2, sinceMs: 1_000 },
  draining: { name: 'draining' },
  'handing-over': { name: 'handing-over' },
  retiring: { name: 'retiring' },
  stopped: { name: 'stopped' },
  backoff: { name: 'backoff', deaths: 2 },
  silent: { name: 'silent', deaths: 2, sinceMs: 1_000 },
  failed: { name: 'failed' },
  retrying: { name: 'retrying' },
};

const events: { readonly [E in ChildEvent['kind']]: Extract<ChildEvent, { kind: E }> } = {
  ready: { kind: 'ready', atMs: 2_000 },
  exited: { kind: 'exited', atMs: 2_000 },
  refused: { kind: 'refused' },
  timeout: { kind: 'timeout' },
  silent: { kind: 'silent' },
  heard: { kind: 'heard' },
  lost: { kind: 'lost' },
  drain: { kind: 'drain' },
  'hand-over': { kind: 'hand-over' },
  retire: { kind: 'retire' },
  restart: { kind: 'restart' },
};

const fork: ChildEffect = { kind: 'fork' };
const killFor = (why: KillReason): ChildEffect => ({ kind: 'kill', why });
const askToDrain: ChildEffect = { kind: 'ask-to-drain' };
const clearTimer: ChildEffect = { kind: 'clear-timer' };
const timer = (delayMs: number): ChildEffect => ({ kind: 'set-timer', delayMs });

const startAnew = (deaths: number): Step => ({
  state: { name: 'starting', deaths },
  effects: [fork, timer(policy.startDeadlineMs)],
});
const thirdDeath: Step = { state: { name: 'backoff', deaths: 3 }, effects: [timer(400)] };
const beginDrain: Step = { state: { name: 'draining' }, effects: [askToDrain, timer(policy.drainDeadlineMs)] };
const failed: Step = { state: { name: 'failed' }, effects: [timer(policy.failedRetryMs)] };
const stopped: Step = { state: { name: 'stopped' }, effects: [clearTimer] };

/** The drawing in child-state.ts, arrow by arrow. */
const listed: { readonly [S in ChildStateName]: { readonly [E in ChildEvent['kind']]?: Step } } = {
  starting: {
    ready: { state: { name: 'ready', deaths: 2, sinceMs: 2_000 }, effects: [clearTimer] },
    exited: thirdDeath,
    refused: failed,
    timeout: { state: states.starting, effects: [killFor('start-overdue')] },
    drain: beginDrain,
  },
  ready: {
    exited: thirdDeath,
    silent: { state: states.silent, effects: [clearTimer] },
    'hand-over': { state: states['handing-over'], effects: [askToDrain, timer(policy.drainDeadlineMs)] },
    retire: { state: states.retiring, effects: [{ kind: 'ask-to-retire' }, timer(policy.retireDeadlineMs)] },
    drain: beginDrain,
  },
  silent: {
    heard: { state: { name: 'ready', deaths: 2, sinceMs: 1_000 }, effects: [clearTimer] },
    lost: { state: states.silent, effects: [killFor('no-sign-of-life')] },
    exited: thirdDeath,
    drain: beginDrain,
  },
  draining: {
    exited: stopped,
    refused: stopped,
    timeout: { state: states.draining, effects: [killFor('drain-overdue')] },
  },
  'handing-over': {
    exited: startAnew(0),
    timeout: { state: states['handing-over'], effects: [killFor('drain-overdue')] },
    drain: beginDrain,
  },
  retiring: {
    exited: stopped,
    timeout: { state: states.retiring, effects: [killFor('drain-overdue')] },
    drain: beginDrain,
  },
  backoff: {
    timeout: startAnew(2),
    drain: stopped,
  },
  failed: {
    timeout: { state: states.retrying, effects: [fork, timer(policy.startDeadlineMs)] },
    restart: startAnew(0),
    drain: stopped,
  },
  retrying: {
    ready: { state: { name: 'ready', deaths: policy.deathsMax, sinceMs: 2_000 }, effects: [clearTimer] },
    exited: failed,
    refused: failed,
    timeout: { state: states.retrying, effects: [killFor('start-overdue')] },
    drain: beginDrain,
  },
  stopped: {},
};

const pairs = Object.values(states).flatMap((state) => Object.values(events).map((event) => ({ state, event })));

describe('a child', () => {
  test('is forked at once, with a deadline to become ready', () => {
    expect(firstStep(policy)).toEqual(startAnew(0));
  });

  test.each(pairs.filter(({ state, event }) => listed[state.name][event.kind] !== undefined))(
    'that is $state.name takes $event.kind as drawn',
    ({ state, event }) => {
      expect(nextStep(state, event, context)).toEqual(listed[state.name][event.kind]);
    },
  );

  test.each(pairs.filter(({ state, event }) => listed[state.name][event.kind] === undefined))(
    'that is $state.name takes $event.kind as late news: nothing changes',
    ({ state, event }) => {
      expect(nextStep(state, event, context)).toEqual({ state, effects: [] });
    },
  );
});

describe('a child that keeps dying', () => {
  test('is restarted seven times, after delays that double, and has then failed', () => {
    const delays: number[] = [];
    let { state } = firstStep(policy);
    while (state.name !== 'retrying') {
      const death = nextStep(state, events.exited, context);
      for (const effect of death.effects) if (effect.kind === 'set-timer') delays.push(effect.delayMs);
      state = nextStep(death.state, events.timeout, context).state;
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, policy.failedRetryMs]);
  });

  test('fails all the same when it becomes ready each time but not for long', () => {
    let { state } = firstStep(policy);
    let lives = 0;
    while (state.name !== 'retrying') {
      lives++;
      expect(lives).toBeLessThanOrEqual(policy.deathsMax + 1);
      state = nextStep(state, { kind: 'ready', atMs: 0 }, context).state;
      state = nextStep(state, { kind: 'exited', atMs: policy.healthyAfterMs - 1 }, context).state;
      state = nextStep(state, events.timeout, context).state;
    }
    expect(lives).toBe(policy.deathsMax + 1);
  });

  test('has failed at the death after the last one allowed, and is tried again a minute later', () => {
    const last: ChildState = { name: 'starting', deaths: policy.deathsMax - 1 };
    expect(nextStep(last, events.exited, context).state).toEqual({ name: 'backoff', deaths: policy.deathsMax });
    const beyond: ChildState = { name: 'starting', deaths: policy.deathsMax };
    expect(nextStep(beyond, events.exited, context)).toEqual({ state: { name: 'failed' }, effects: [timer(60_000)] });
  });

  test('gets one more life each minute once it has failed, and all its chances only after a healthy one', () => {
    const { state: retried } = nextStep(states.failed, events.timeout, context);
    const { state: ready } = nextStep(retried, { kind: 'ready', atMs: 0 }, context);
    const diedAt = (atMs: number) => nextStep(ready, { kind: 'exited', atMs }, context).state;
    expect(diedAt(59_999)).toEqual({ name: 'failed' });
    expect(diedAt(60_000)).toEqual({ name: 'backoff', deaths: 1 });
  });

  test('has its earlier deaths forgotten after 60 s of healthy life, not a millisecond sooner', () => {
    const ready: ChildState = { name: 'ready', deaths: 7, sinceMs: 5_000 };
    const diedAt = (atMs: number) => nextStep(ready, { kind: 'exited', atMs }, context).state;
    expect(diedAt(64_999)).toEqual({ name: 'failed' });
    expect(diedAt(65_000)).toEqual({ name: 'backoff', deaths: 1 });
  });

  test('has all its chances again when an operator restarts it', () => {
    const { state } = nextStep(states.failed, events.restart, context);
    expect(nextStep(state, events.exited, context)).toEqual({
      state: { name: 'backoff', deaths: 1 },
      effects: [timer(100)],
    });
  });
});

describe('the delay before a restart', () => {
  test('doubles from 100 ms and ends at 10 s', () => {
    const delays = Array.from({ length: 10 }, (_, index) => restartDelayMs(index + 1, policy, 0));
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
  });

  test('lies between half of that and all of it, as chance has it', () => {
    const chance = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), chance, (deaths, random) => {
        const full = restartDelayMs(deaths, policy, 0);
        const delay = restartDelayMs(deaths, policy, random);
        expect(delay).toBeGreaterThanOrEqual(full / 2);
        expect(delay).toBeLessThanOrEqual(full);
      }),
    );
    expect(restartDelayMs(1, policy, 1)).toBe(50);
  });
});

describe('a drain', () => {
  test.each(Object.values(states))(
    'of a child that is $name ends in stopped, even if only the kill ends it',
    (state) => {
      const asked = nextStep(state, events.drain, context).state;
      const overdue = nextStep(asked, events.timeout, context);
      expect(overdue.effects).toEqual(asked.name === 'draining' ? [killFor('drain-overdue')] : []);
      expect(nextStep(overdue.state, events.exited, context).state).toEqual({ name: 'stopped' });
    },
  );
});

const anyEvent: fc.Arbitrary<ChildEvent> = fc.oneof(
  fc.record({ kind: fc.constantFrom('ready', 'exited'), atMs: fc.nat(200_000) }),
  fc.record({ kind: fc.constantFrom('timeout', 'silent', 'heard', 'lost', 'drain', 'hand-over', 'retire', 'restart') }),
);
/** Mostly deaths and timers, or a history would seldom get beyond the first drain. */
const anyHistory = fc.array(
  fc.oneof(
    { arbitrary: anyEvent, weight: 1 },
    { arbitrary: fc.constantFrom<ChildEvent>(events.exited, events.timeout, events.ready), weight: 3 },
  ),
  { maxLength: 60 },
);
const hastyPolicy: RestartPolicy = { ...policy, deathsMax: 2 };

describe('in any history of events, in any order', () => {
  test('no child is forked while its last process may live', () => {
    everyStep(({ before, event, effects, mayLive }) => {
      if (effects.some(({ kind }) => kind === 'fork')) expect(mayLive).toBe(false);
      if (effects.some(({ kind }) => kind === 'kill')) expect(mayLive).toBe(true);
      // The exit of a process is never late news: a state that takes none has none.
      if (event.kind !== 'exited') expect(mayLive).toBe(!['backoff', 'failed', 'stopped'].includes(before.name));
    });
  });

  test('no child is forked once it drains, and stopped is final', () => {
    everyStep(({ before, after, effects }) => {
      if (before.name !== 'draining' && before.name !== 'stopped') return;
      expect(effects.map(({ kind }) => kind)).not.toContain('fork');
      expect(before.name === 'stopped' ? ['stopped'] : ['draining', 'stopped']).toContain(after.name);
    });
  });

  test('a timer runs in every state that only time may end, and in no other', () => {
    everyStep(({ before, after, effects }) => {
      if (before.name === after.name) return;
      const timers = effects.map(({ kind }) => kind).filter((kind) => kind.endsWith('-timer'));
      const isTimed = !['ready', 'silent', 'stopped'].includes(after.name);
      expect(timers).toEqual([isTimed ? 'set-timer' : 'clear-timer']);
    });
  });
});

type ObservedStep = {
  readonly before: ChildState;
  readonly event: ChildEvent;
  readonly after: ChildState;
  readonly effects: readonly ChildEffect[];
  /** Before the step: forked, and not seen to exit since. */
  readonly mayLive: boolean;
};

function everyStep(check: (step: ObservedStep) => void): void {
  fc.assert(
    fc.property(anyHistory, (history) => {
      let { state } = firstStep(hastyPolicy);
      let mayLive = true;
      for (const event of history) {
        const step = nextStep(state, event, { policy: hastyPolicy, random: () => 0.5 });
        if (event.kind === 'exited') mayLive = false;
        check({ before: state, event, after: step.state, effects: step.effects, mayLive });
        if (step.effects.some(({ kind }) => kind === 'fork')) mayLive = true;
        state = step.state;
      }
    }),
    { numRuns: 500 },
  );
}

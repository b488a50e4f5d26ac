/** The time by which values expire, whatever is done to the machine's clock. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExpiryClock, type MachineClock, type TimeNote } from '../../src/kv/expiry-clock.ts';

const second = 1_000;
const hour = 3_600 * second;
const day = 24 * hour;
const begunAtMs = 1_767_225_600_000;

/** A machine to which all of it may happen. */
class Machine implements MachineClock {
  boot = 'first';
  #dateMs = begunAtMs;
  #nowMs = 0;
  #uptimeMs = 60 * second;

  dateMs = () => this.#dateMs;
  nowMs = () => this.#nowMs;
  uptimeMs = () => Math.floor(this.#uptimeMs / second) * second;

  pass(ms: number): void {
    this.#nowMs += ms;
    this.suspend(ms);
  }

  suspend(ms: number): void {
    this.#uptimeMs += ms;
    this.#dateMs += ms;
  }

  /** Somebody sets the clock. */
  set(byMs: number): void {
    this.#dateMs += byMs;
  }

  /** A process is started. */
  started(latestMs = 0, note?: TimeNote): ExpiryClock {
    this.#nowMs = 5;
    return new ExpiryClock(this, latestMs, note);
  }

  startAgain(offMs: number): void {
    this.boot += '+';
    this.#uptimeMs = 0;
    this.#dateMs += offMs;
  }
}

const begun = () => {
  const machine = new Machine();
  return { machine, clock: machine.started() };
};

test('as long as nobody sets the clock, it is its time', () => {
  const { machine, clock } = begun();
  for (const ms of [0, 1, 999, hour, 30 * day]) {
    machine.pass(ms);
    expect(clock.now()).toBe(machine.dateMs());
  }
});

test('a clock that is two days ahead for seconds moves nothing', () => {
  const { machine, clock } = begun();
  machine.set(2 * day);
  for (let at = 0; at < 10; at++) {
    expect(clock.now()).toBeLessThan(begunAtMs + (at + 1) * second);
    machine.pass(second);
  }
  machine.set(-2 * day);
  expect(clock.now()).toBe(machine.dateMs());
});

test('a clock that goes on saying so for an hour is believed', () => {
  const { machine, clock } = begun();
  machine.set(2 * day);
  for (let minute = 0; minute < 59; minute++) {
    clock.now();
    machine.pass(60 * second);
  }
  expect(clock.now()).toBeLessThanOrEqual(begunAtMs + hour);
  machine.pass(120 * second);
  expect(clock.now()).toBe(machine.dateMs());
});

test('the time in which the machine was suspended has passed, at once', () => {
  const { machine, clock } = begun();
  machine.suspend(8 * hour);
  expect(clock.now()).toBe(machine.dateMs());
  machine.suspend(hour);
  machine.set(2 * day);
  const now = clock.now();
  expect(now).toBeGreaterThanOrEqual(begunAtMs + 9 * hour - 2 * second);
  expect(now).toBeLessThanOrEqual(begunAtMs + 9 * hour + 2 * second);
});

test('a clock that is set back sets nothing back, and is caught up with', () => {
  const { machine, clock } = begun();
  machine.set(-hour);
  expect(clock.now()).toBe(begunAtMs);
  machine.pass(10 * second);
  expect(clock.now()).toBe(begunAtMs + 9 * second);
  for (let at = 0; at < 11 * 60; at++) {
    machine.pass(60 * second);
    clock.now();
  }
  expect(clock.now()).toBe(machine.dateMs());
});

describe('a process that is started anew', () => {
  test('knows the time from before, while the clock is ahead', () => {
    const { machine, clock } = begun();
    const note = clock.note();
    machine.pass(10 * second);
    machine.set(2 * day);
    const next = machine.started(clock.now(), note);
    expect(next.now()).toBeLessThanOrEqual(begunAtMs + 12 * second);
    expect(next.now()).toBeGreaterThanOrEqual(begunAtMs + 9 * second);
  });

  test('tells no time again, after the clock was set back', () => {
    const { machine, clock } = begun();
    const note = clock.note();
    machine.pass(10 * second);
    const told = clock.now();
    machine.set(-hour);
    // The last write was long ago: what was read meanwhile is known from the note alone.
    expect(machine.started(begunAtMs, note).now()).toBeGreaterThanOrEqual(told - 2 * second);
    expect(machine.started(told).now()).toBeGreaterThanOrEqual(told);
  });

  test('believes the clock of a machine that was off', () => {
    const { machine, clock } = begun();
    const note = clock.note();
    machine.startAgain(3 * day);
    expect(machine.started(begunAtMs, note).now()).toBe(begunAtMs + 3 * day);
  });
});

test('it never goes back, nor faster than time passes, for less than an hour of whatever happens', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(60 * second) }),
    fc.record({ kind: fc.constant('suspend' as const), ms: fc.nat(hour) }),
    fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -3 * day, max: 3 * day }) }),
    fc.record({ kind: fc.constant('restart' as const), ms: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 50 }), (events) => {
      const machine = new Machine();
      let clock = machine.started();
      let note = clock.note();
      let [told, passedMs, restarts] = [clock.now(), 0, 0];
      for (const { kind, ms } of events) {
        if (kind === 'restart') {
          clock = machine.started(told, note);
          restarts++;
        } else machine[kind](ms);
        if (kind === 'pass' || kind === 'suspend') passedMs += ms;
        const now = clock.now();
        expect(now).toBeGreaterThanOrEqual(told);
        expect(now).toBeLessThanOrEqual(begunAtMs + passedMs * 1.001 + (4 + 4 * restarts + events.length) * second);
        told = now;
        note = clock.note();
      }
    }),
  );
});

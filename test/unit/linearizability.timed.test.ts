/**
 * The checker tells a lost write from a busy day, so it is tested from both sides: it must see every mistake and cry
 * wolf at none. Histories are written by hand, recorded from a simulated service that is right, or broken where that
 * is provably illegal; small ones are judged by a naive checker too, which tries all orders.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeOperation, type Operation } from '../support/history.ts';
import { historyReport } from '../support/history-report.ts';
import { checkHistory, type Refusal } from '../support/linearizability.ts';

type Outcome = Operation['outcome'];

describe('a history is accepted in which', () => {
  test.each([
    ['nothing was ever written and reads find nothing', 'get ∅ 0-1, get ∅ 0-3'],
    ['each read returns the last write', 'put a 0-1 v1, get a 2-3 v1, delete 4-5, get ∅ 6-7'],
    ['of two writes at once the first invoked wins', 'put a 0-4, put b 1-3, get a 5-6'],
    ['of two writes at once the last invoked wins', 'put a 0-4, put b 1-3, get b 5-6'],
    ['a read during a write returns the old value', 'put a 0-1, put b 2-9, get a 3-4'],
    ['a read during a write returns the new value', 'put a 0-1, put b 2-9, get b 3-4'],
    ['reads during a write see it one after the other', 'put a 0-9, get ∅ 1-2, get a 3-4'],
    ['reads at once during a write see both sides of it', 'put a 0-9, get a 1-4, get ∅ 2-3'],
    ['an answer and a question at the same moment overlap', 'put a 0-1, put b 1-2, get a 3-4'],
    ['an ambiguous write is never seen', 'put a 0-1, put b 2-3 ambiguous, get a 4-5'],
    ['an ambiguous write comes long after its client gave up', 'put a 0-1 ambiguous, get ∅ 2-3, get a 4-5'],
    ['a write is still open at the end', 'put a 0- ambiguous, get a 1-2, put b 3-4, get b 5-6'],
    ['an ambiguous delete comes between two reads', 'put a 0-1, delete 2-3 ambiguous, get a 4-5, get ∅ 6-7'],
    [
      'two ambiguous deletes explain two absences',
      'delete 0- ambiguous, delete 0- ambiguous, put a 1-2, get ∅ 3-4, put b 5-6, get ∅ 7-8',
    ],
    ['an ambiguous put explains a refused put-if-absent', 'put a 0- ambiguous, put-if-absent b 1-2 refused'],
    [
      'an ambiguous put explains a refused put-if-version',
      'put a 0-1 v4, put b 2- ambiguous, put-if-version #4 c 3-4 refused',
    ],
    [
      'an ambiguous delete and put-if-absent took turns',
      'put a 0-1 v1, delete 2- ambiguous, put-if-absent b 2- ambiguous, get ∅ 3-4, put-if-absent c 5-6 refused',
    ],
    [
      'an ambiguous delete is left for the time when no other explains an absence',
      'put a 0-1, delete 2- ambiguous, delete 2-4, put b 2-5, put-if-absent c 2-6, put d 7-8, get ∅ 9-10',
    ],
    [
      'of two deletes at once the slower one comes later',
      'delete 2-20, delete 2-5, put a 0-1, get ∅ 3-4, put b 6-7, get ∅ 8-9',
    ],
    ['one of two put-if-absent at once is applied', 'put-if-absent a 0-3 refused, put-if-absent b 1-2, get b 4-5'],
    ['put-if-absent is applied again after a delete', 'put-if-absent a 0-1, delete 2-3, put-if-absent b 4-5'],
    [
      'a chain of conditions holds',
      'put a 0-1 v1, put-if-version #1 b 2-3 v2, put-if-version #1 c 4-5 refused, delete-if-version #2 6-7, get ∅ 8-9',
    ],
    ['a condition names a version that only a get was told', 'put a 0-1, get a 2-3 v7, put-if-version #7 b 4-5'],
    ['a write that failed is not seen', 'put a 0-1, put b 2-3 not-applied, get a 4-5'],
    ['gets that failed say nothing', 'put a 0-1, get 2-3 not-applied, get 4- ambiguous'],
    ['versions grow in gaps, over deletes', 'put a 0-1 v3, delete 2-3 v9, put b 4-5 v20'],
  ])('%s', (_title, line) => {
    expectAccepted(historyOf(line));
  });
});

describe('a history is refused in which', () => {
  test.each([
    ['a read is stale', 'put a 0-1, put b 2-3, get a 4-5'],
    ['an acknowledged write is lost', 'put a 0-1, get ∅ 2-3'],
    ['a deleted value is back', 'put a 0-1, delete 2-3, get a 4-5'],
    ['a deleted value is back after its absence was seen', 'put a 0-1, delete 2-9, get ∅ 3-4, get a 5-6'],
    ['a write is applied twice', 'put a 0-1, get a 2-3, put b 4-5, get b 6-7, get a 8-9'],
    ['an ambiguous write is applied twice', 'put a 0- ambiguous, get a 1-2, put b 3-4, get a 5-6'],
    ['a value is read before it was written', 'get a 0-1, put a 2-3'],
    ['a value is read that was never written', 'put a 0-1, get b 2-3'],
    ['two reads see two writes in both orders', 'put a 0-9, put b 0-9, get a 1-2, get b 3-4, get a 5-6'],
    ['a new value is seen and then the old one', 'put a 0-1, put b 2-9, get b 3-4, get a 5-6'],
    ['an ambiguous write is seen and vanishes', 'put a 0-1, put b 2- ambiguous, get b 3-4, get a 5-6'],
    ['an ambiguous write is seen and then nothing', 'put a 0- ambiguous, get a 1-2, get ∅ 3-4'],
    [
      'one ambiguous delete would have to explain two absences',
      'delete 0- ambiguous, put a 1-2, get ∅ 3-4, put b 5-6, get ∅ 7-8',
    ],
    ['an ambiguous delete came too late to explain an absence', 'put a 0-1, get ∅ 2-3, delete 4- ambiguous'],
    ['an ambiguous delete is seen and undone', 'put a 0-1, delete 2- ambiguous, get ∅ 3-4, get a 5-6'],
    ['a write is seen that failed', 'put a 0-1 not-applied, get a 2-3'],
    ['a write is seen whose condition was refused', 'put a 0-1, put-if-absent b 2-3 refused, get b 4-5'],
    ['versions go back', 'put a 0-1 v5, put b 2-3 v4'],
    ['versions go back over a delete', 'put a 0-1 v5, delete 2-3, put b 4-5 v4'],
    ['a delete has a lower version than what it deleted', 'put a 0-1 v5, delete 2-3 v4'],
    ['writes are read against their versions', 'put a 0-9 v2, put b 0-9 v1, get a 1-2, get b 3-4'],
    ['two writes have one version', 'put a 0-9 v5, put b 0-9 v5'],
    ['a value is read under another version than its own', 'put a 0-1 v5, get a 2-3 v6'],
    ['a value is read under two versions', 'put a 0-1, get a 2-3 v6, get a 2-3 v7'],
    ['a read tells a version lower than the one before', 'put a 0-1 v5, put b 2-3, get b 4-5 v4'],
    ['two puts succeed for one version', 'put a 0-1 v1, put-if-version #1 b 2-9, put-if-version #1 c 2-9'],
    ['a put and a delete succeed for one version', 'put a 0-1 v1, put-if-version #1 b 2-9, delete-if-version #1 2-9'],
    ['a condition held for an overwritten version', 'put a 0-1 v1, put b 2-3 v2, put-if-version #1 c 4-5'],
    ['a condition held for a deleted version', 'put a 0-1 v1, delete 2-3, put-if-version #1 c 4-5'],
    ['a condition held for a version that nobody was told', 'put a 0-1, put-if-version #1 c 4-5'],
    ['a condition was refused that should have held', 'put a 0-1 v1, put-if-version #1 b 2-3 refused'],
    [
      'a condition was refused that only a later write could break',
      'put a 0-1 v1, delete-if-version #1 2-3 refused, put b 4- ambiguous',
    ],
    ['a put-if-absent was refused on a key never written', 'put-if-absent a 0-1 refused'],
    ['a put-if-absent was refused on a deleted key', 'put a 0-1, delete 2-3, put-if-absent b 4-5 refused'],
    ['two put-if-absent were applied', 'put-if-absent a 0-9, put-if-absent b 0-9'],
    ['a put-if-absent was applied to a value', 'put a 0-1, put-if-absent b 2-3'],
    ['an ambiguous put-if-absent replaced a value', 'put a 0-1, put-if-absent b 2- ambiguous, get b 3-4'],
  ])('%s', (_title, line) => {
    expectRefused(historyOf(line));
    // The order in which clients were recorded says nothing.
    expectRefused(historyOf(line).toReversed());
  });

  test.each([
    ['get a 0-1', /never written to its key/],
    ['put a 0-1 not-applied, get a 2-3', /without effect/],
    ['get a 0-1, put a 2-3', /before it was written/],
    ['put a 0-1 v5, get a 2-3 v6', /has version 5/],
    ['put a 0-1 v5, put b 2-3 v5', /shares its version/],
    ['put a 0-1 v5, put b 2-3 v4', /a lower version came after it: put "key b"/],
    ['put a 0-1, delete 2-3, get a 4-5', /delete .* by 3.000 ms, but what it replaces is read after it: get/],
    ['put a 0-1, get ∅ 2-3', /get → absent must take effect by 3.000 ms, but the last write was put "key a"/],
  ])('%s: and it is said why', (line, reason) => {
    expect(expectRefused(historyOf(line)).reason).toMatch(reason);
  });

  test('one key of many is wrong, or has a value of another', () => {
    const ofKeys = ['x', 'y', 'z'].flatMap((key) => historyOf('put a 0-1, get a 2-3', key));
    expectAccepted(ofKeys);
    expect(expectRefused([...ofKeys, ...historyOf('get ∅ 4-5', 'y')]).key).toBe('y');
    const [, getOfX] = ofKeys as [Operation, Operation];
    expect(expectRefused([...ofKeys, { ...getOfX, key: 'y' }]).key).toBe('y');
  });
});

describe('a history of a service that is right', () => {
  test('is accepted, however its operations overlap, fail or take effect late', () => {
    fc.assert(
      fc.property(manyPlans, anyConcurrency, fc.integer({ min: 1, max: 3 }), (plans, clients, keys) => {
        expectAccepted(simulate(plans, { clients, keys }));
      }),
      { numRuns: 500 },
    );
  });

  test('is refused once a get returns what was overwritten before it began', () => {
    fc.assert(
      fc.property(manyPlans, anyConcurrency, (plans, clients) => {
        const stale = withStaleGet(simulate(plans, { clients }));
        fc.pre(stale !== undefined);
        expectRefused(stale as Operation[]);
      }),
      { numRuns: 300 },
    );
  });

  test('is refused once an acknowledged write is left undone, and a get must have seen it', () => {
    fc.assert(
      fc.property(manyPlans, fc.integer({ min: 1, max: 4 }), fc.nat(), (plans, clients, pick) => {
        const forgotten = pick % plans.length;
        const operations = simulate(plans, { clients, forgotten });
        const write = operations[forgotten] as Operation;
        fc.pre(operations.some((get) => mustHaveSeen(operations, write, get)));
        expectRefused(operations);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the checker', () => {
  test('agrees with trying all orders, on histories of up to six operations with and without lies', () => {
    const verdicts = { true: 0, false: 0 };
    const fewPlans = fc.array(anyPlan, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fewPlans, anyConcurrency, fc.array(anyLie, { maxLength: 3 }), (plans, clients, lies) => {
        const operations = lies.reduce(withLie, simulate(plans, { clients }));
        const verdict = isLinearizable(operations);
        verdicts[`${verdict}`]++;
        expect(checkHistory(operations).ok).toBe(verdict);
      }),
      { numRuns: 5_000 },
    );
    // Both sides were put to the test.
    expect(Math.min(verdicts.true, verdicts.false)).toBeGreaterThan(500);
  });

  test('refuses with an order that is right as far as it goes, and a report of bounded length', () => {
    fc.assert(
      fc.property(manyPlans, anyConcurrency, anyLie, (plans, clients, lie) => {
        const operations = withLie(simulate(plans, { clients }), lie);
        const verdict = checkHistory(operations);
        fc.pre(verdict.ok === false);
        const { longestPrefix, remaining } = verdict as Refusal;
        expectInOrder(longestPrefix, toldVersions(operations));
        expect(remaining.length).toBeGreaterThan(0);
        expect(longestPrefix.filter((operation) => remaining.includes(operation))).toEqual([]);
        expect(historyReport(verdict as Refusal).length).toBeLessThan(10_000);
      }),
      { numRuns: 300 },
    );
  });

  test('reports what has no place, and when it all was', () => {
    const history = historyOf('put a 0-1 v1, put b 2- ambiguous, delete 2-3 ambiguous, get b 3-6 v2, get a 7-10');
    expect(historyReport(expectRefused(history))).toBe(
      [
        'No order explains what happened to the key "key":',
        'put "key b" → ambiguous must take effect by 6.000 ms, but what it replaces is read after it: get → "key a".',
        '',
        'In this order all answers are right:',
        '   0.000 –  1.000 ms  client 0  ┣━━━┫                                     put "key a" → applied, version 1',
        '',
        'What has no place:',
        '   2.000 –      … ms  client 1          ┃┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄  put "key b" → ambiguous',
        '   3.000 –  6.000 ms  client 3              ┣━━━━━━━━━━┫                  get → "key b", version 2',
        '   7.000 – 10.000 ms  client 4                             ┣━━━━━━━━━━━┫  get → "key a"',
      ].join('\n'),
    );
  });

  test('checks 100,000 operations of 32 clients on 200 keys, two of them hot, within 5 s', () => {
    const plans = fc.sample(anyPlan, { numRuns: 100_000, seed: 1 });
    const hot = plans.map((plan, index) => ({ ...plan, key: index % 2 === 0 ? index / 2 : index % 4 }));
    const operations = simulate(hot, { clients: 32, keys: 200 });
    expect(within(5_000, () => checkHistory(operations))).toEqual({ ok: true, keys: 200, operations: 100_000 });
    const stale = withStaleGet(operations.filter(({ key }) => key === 'key 1')) as Operation[];
    expect(within(5_000, () => checkHistory(stale))).toMatchObject({ ok: false, key: 'key 1' });
  });

  test.each([true, false])(
    'checks 5,000 operations on one key, hundreds ambiguous, within 5 s, versions told: %s',
    (isTold) => {
      const plans = fc.sample(anyPlan, { numRuns: 5_000, seed: 1 }).map((plan) => ({ ...plan, isTold }));
      const operations = simulate(plans, { clients: 32 });
      expect(operations.filter(({ outcome }) => outcome.kind === 'ambiguous').length).toBeGreaterThan(400);
      expect(within(5_000, () => checkHistory(operations)).ok).toBe(true);
      expect(within(5_000, () => checkHistory(withStaleGet(operations) as Operation[])).ok).toBe(false);
      // Puts and gets alone: no version and no condition leads the search.
      const puts = plans.map((plan) => (plan.kind === 'get' ? plan : { ...plan, kind: 'put' as const }));
      const stale = withStaleGet(simulate(puts, { clients: 32 })) as Operation[];
      expect(within(5_000, () => checkHistory(stale)).ok).toBe(false);
    },
  );

  test('counts ambiguous writes: eighty explain eighty conditions that broke, not one more', () => {
    const ambiguous = Array.from({ length: 40 }, (_, n) => `delete 0- ambiguous, put ${n}a 0- ambiguous`);
    const broken = (n: number) =>
      `put ${n}b ${6 * n + 1}-${6 * n + 2} v${n + 1}, put-if-version #${n + 1} ${n}c ${6 * n + 3}-${6 * n + 4} refused`;
    const rounds = Array.from({ length: 81 }, (_, n) => broken(n));
    expectAccepted(historyOf([...ambiguous, ...rounds.slice(1)].join(', ')));
    expectRefused(historyOf([...ambiguous, ...rounds].join(', ')));
  });

  test('gives up where it was told to, and still names a key that is wrong', () => {
    const busy = simulate(fc.sample(anyPlan, { numRuns: 200, seed: 1 }), { clients: 8 });
    expect(checkHistory(busy, { stepsMax: 3 })).toEqual({ ok: 'unknown', key: 'key 0' });
    expect(checkHistory([...busy, ...historyOf('get a 0-1')], { stepsMax: 3 })).toMatchObject({
      ok: false,
      key: 'key',
    });
  });

  test('takes no history that cannot have been recorded', () => {
    expect(() => checkHistory(historyOf('put a 0-1, put a 2-3'))).toThrow(/no value may be written twice/);
    expect(() => checkHistory(historyOf('get ∅ 3-2'))).toThrow(/runs from 3 to 2 ms/);
  });
});

/** What a client does next, how long that takes, and what becomes of it. */
type Plan = {
  readonly client: number;
  readonly key: number;
  readonly kind: Operation['kind'];
  readonly thinkMs: number;
  readonly latencyMs: number;
  /** When within the latency the service does it, of 4. */
  readonly effectAt: number;
  /** What is late is ambiguous, and done so much later than its answer was awaited. */
  readonly fate: 'answered' | 'late' | 'lost' | 'not-applied';
  readonly lateMs: number;
  readonly isTold: boolean;
  readonly pick: number;
};

const gets = ['get', 'get', 'get'] as const;
const conditionals = ['put-if-absent', 'put-if-version', 'delete-if-version'] as const;
const answered = Array.from({ length: 8 }, () => 'answered' as const);
const anyPlan: fc.Arbitrary<Plan> = fc.record({
  client: fc.nat(31),
  key: fc.nat(1_000),
  kind: fc.constantFrom(...gets, 'put', 'put', 'delete', ...conditionals),
  thinkMs: fc.nat(4),
  latencyMs: fc.nat(12),
  effectAt: fc.nat(4),
  fate: fc.constantFrom(...answered, 'late', 'lost', 'not-applied'),
  lateMs: fc.nat(60),
  isTold: fc.boolean(),
  pick: fc.nat(3),
});
const manyPlans = fc.array(anyPlan, { minLength: 1, maxLength: 120 });
const anyConcurrency = fc.integer({ min: 1, max: 32 });

type Draft = {
  readonly client: number;
  readonly key: string;
  readonly kind: Operation['kind'];
  readonly invokedAtMs: number;
  readonly completedAtMs: number;
  readonly value?: string;
  expectedVersion?: number;
  outcome: Outcome;
};

type Register = { readonly value: string | null; readonly version: number; readonly lastVersion: number };
const nothing: Register = { value: null, version: 0, lastVersion: 0 };

type Simulation = { readonly clients: number; readonly keys?: number; readonly forgotten?: number };

/** Runs the plans on a service that is right, but acknowledges the write number `forgotten` without doing it. */
function simulate(plans: readonly Plan[], { clients, keys = 1, forgotten = -1 }: Simulation): Operation[] {
  const freeAtMs = new Float64Array(clients);
  const registers = Array.from({ length: keys }, () => nothing);
  const told = registers.map(() => [0]);
  const events: { readonly atMs: number; readonly happen: () => void }[] = [];
  const drafts = plans.map((plan, number): Draft => {
    const client = plan.client % clients;
    const key = plan.key % keys;
    const invokedAtMs = (freeAtMs[client] as number) + plan.thinkMs;
    const completedAtMs = invokedAtMs + plan.latencyMs;
    const effectAtMs = invokedAtMs + (plan.latencyMs * plan.effectAt) / 4 + (plan.fate === 'late' ? plan.lateMs : 0);
    freeAtMs[client] = completedAtMs;
    const draft: Draft = {
      client,
      key: `key ${key}`,
      kind: plan.kind,
      invokedAtMs,
      completedAtMs,
      ...(plan.kind.startsWith('put') && { value: `value ${number}` }),
      outcome: { kind: plan.fate === 'not-applied' ? 'not-applied' : 'ambiguous' },
    };
    const invoke = () => {
      if (plan.kind.endsWith('-version')) draft.expectedVersion = told[key]?.at(-1 - plan.pick) ?? 0;
    };
    const takeEffect = () => {
      const [outcome, register] = execute(draft, registers[key] as Register, plan);
      if (number !== forgotten) registers[key] = register;
      if (plan.fate === 'answered') draft.outcome = outcome;
    };
    const complete = () => {
      if ('version' in draft.outcome) told[key]?.push(draft.outcome.version as number);
    };
    events.push({ atMs: invokedAtMs, happen: invoke });
    if (plan.fate === 'answered' || plan.fate === 'late') events.push({ atMs: effectAtMs, happen: takeEffect });
    events.push({ atMs: completedAtMs, happen: complete });
    return draft;
  });
  for (const { happen } of events.sort((a, b) => a.atMs - b.atMs)) happen();
  return drafts as Operation[];
}

function execute(draft: Draft, register: Register, { isTold, pick }: Plan): [Outcome, Register] {
  const { kind, value = null, expectedVersion } = draft;
  if (kind === 'get') {
    const { value, version } = register;
    return [{ kind: 'read', value, ...(isTold && value !== null && { version }) }, register];
  }
  if (!holds({ kind, expectedVersion }, register)) return [{ kind: 'refused' }, register];
  const version = register.lastVersion + 1 + pick;
  return [
    { kind: 'applied', ...(isTold && { version }) },
    { value, version, lastVersion: version },
  ];
}

function holds(condition: { kind: string; expectedVersion?: number | undefined }, register: Register): boolean {
  if (condition.kind === 'put-if-absent') return register.value === null;
  if (condition.expectedVersion === undefined) return true;
  return register.value !== null && register.version === condition.expectedVersion;
}

/** Tries every order of every subset that holds all certain operations. */
function isLinearizable(operations: readonly Operation[]): boolean {
  const told = toldVersions(operations);
  return told !== undefined && hasOrder(operations.filter(saysSomething), nothing, told);
}

function saysSomething({ kind, outcome }: Operation): boolean {
  return outcome.kind !== 'not-applied' && (kind !== 'get' || outcome.kind === 'read');
}

/** The one version of each value; undefined when a value has two. */
function toldVersions(operations: readonly Operation[]): Map<string, number> | undefined {
  const told = new Map<string, number>();
  for (const operation of operations) {
    const { outcome } = operation;
    const value = outcome.kind === 'read' ? outcome.value : 'value' in operation ? operation.value : null;
    if (value === null || !('version' in outcome) || outcome.version === undefined) continue;
    if (told.has(value) && told.get(value) !== outcome.version) return undefined;
    told.set(value, outcome.version);
  }
  return told;
}

function hasOrder(left: readonly Operation[], register: Register, told: ReadonlyMap<string, number>): boolean {
  const certain = left.filter(({ outcome }) => outcome.kind !== 'ambiguous');
  return (
    certain.length === 0 ||
    left.some((operation) => {
      if (certain.some((other) => isBefore(other, operation))) return false;
      const next = after(operation, register, told);
      return (
        next !== undefined &&
        hasOrder(
          left.filter((other) => other !== operation),
          next,
          told,
        )
      );
    })
  );
}

/** Whether the one was answered before the other was asked. What is ambiguous stays open for ever. */
function isBefore({ outcome, completedAtMs = Number.POSITIVE_INFINITY }: Operation, other: Operation): boolean {
  return outcome.kind !== 'ambiguous' && completedAtMs < other.invokedAtMs;
}

/** What the register holds after the operation; undefined when the answer would have been another. */
function after(operation: Operation, register: Register, told: ReadonlyMap<string, number>): Register | undefined {
  const { outcome } = operation;
  if (outcome.kind === 'read') return outcome.value === register.value ? register : undefined;
  if (holds(operation, register) === (outcome.kind === 'refused')) return undefined;
  if (outcome.kind === 'refused') return register;
  const value = 'value' in operation ? operation.value : null;
  const version = ('version' in outcome ? outcome.version : undefined) ?? told.get(value ?? '');
  if (version !== undefined && version <= register.lastVersion) return undefined;
  return { value, version: version ?? Number.NaN, lastVersion: version ?? register.lastVersion };
}

/** The last get that can returns what an acknowledged write overwrote before it began; undefined when none can. */
function withStaleGet(operations: readonly Operation[]): Operation[] | undefined {
  const writes = operations.filter(({ kind, outcome }) => kind !== 'get' && outcome.kind === 'applied');
  for (const [index, get] of [...operations.entries()].reverse()) {
    if (get.kind !== 'get') continue;
    const overwriting = writes.findLast((write) => isBefore(write, get));
    const stale = overwriting && writes.findLast((write) => 'value' in write && isBefore(write, overwriting));
    if (stale === undefined || !('value' in stale)) continue;
    return operations.with(index, { ...get, outcome: { kind: 'read', value: stale.value } });
  }
  return undefined;
}

/** Whether the get can have returned nothing but what the write wrote. */
function mustHaveSeen(operations: readonly Operation[], write: Operation, get: Operation): boolean {
  if (write.kind === 'get' || write.outcome.kind !== 'applied' || get.outcome.kind !== 'read') return false;
  const others = operations.filter(
    ({ kind, outcome }) => kind !== 'get' && !['refused', 'not-applied'].includes(outcome.kind),
  );
  const isOutside = (other: Operation) =>
    other === write || (other.outcome.kind === 'applied' && isBefore(other, write)) || isBefore(get, other);
  // Left undone, a delete or the first put may go unnoticed.
  return 'value' in write && isBefore(write, get) && others.every(isOutside);
}

/** A change to one operation, often one that can be found out. */
type Lie = { readonly at: number; readonly how: 'time' | 'version' | 'answer'; readonly pick: number };
const anyLie: fc.Arbitrary<Lie> = fc.record({
  at: fc.nat(1_000),
  how: fc.constantFrom('time', 'version', 'answer'),
  pick: fc.nat(1_000),
});

function withLie(operations: readonly Operation[], { at, how, pick }: Lie): Operation[] {
  const index = at % operations.length;
  const operation = operations[index] as Operation;
  const values = [null, ...operations.flatMap((other) => ('value' in other ? [other.value] : []))];
  const version = 1 + (pick % 12);
  const answers: readonly Outcome[] =
    operation.kind === 'get'
      ? values.map((value) => ({ kind: 'read', value }))
      : [{ kind: 'applied' }, { kind: 'ambiguous' }, { kind: 'applied', version }, { kind: 'not-applied' }];
  const refusals: readonly Outcome[] = /absent|version/.test(operation.kind) ? [{ kind: 'refused' }] : [];
  const outcomes = [...answers, ...refusals];
  const lies = {
    time: { invokedAtMs: pick % 20, completedAtMs: (pick % 20) + (at % 4) },
    version: 'version' in operation.outcome ? { outcome: { ...operation.outcome, version } } : {},
    answer: { outcome: outcomes[pick % outcomes.length] },
  };
  return operations.with(index, { ...operation, ...lies[how] } as Operation);
}

/** `put-if-version #3 b 2-3 refused, get ∅ 4-5 v7`: kind, version expected, value, from and to, outcome. */
function historyOf(line: string, key = 'key'): Operation[] {
  return line.split(', ').map((words, client) => {
    const parts = /^([a-z-]+)(?: #(\d+))?(?: (\d*[a-z]|∅))? (\d+)-(\d*)(?: (?:v(\d+)|([a-z-]+)))?$/.exec(words);
    if (parts === null) throw new Error(`no operation: ${words}`);
    const [, kind, expectedVersion, name, from, to, version, failure] = parts;
    const value = name === '∅' ? null : `${key} ${name}`;
    const told = version === undefined ? {} : { version: Number(version) };
    const success = kind === 'get' ? { kind: 'read', value, ...told } : { kind: 'applied', ...told };
    return {
      client,
      key,
      kind,
      ...(kind?.startsWith('put') && { value }),
      ...(expectedVersion !== undefined && { expectedVersion: Number(expectedVersion) }),
      invokedAtMs: Number(from),
      ...(to !== '' && { completedAtMs: Number(to) }),
      outcome: failure === undefined ? success : { kind: failure },
    } as Operation;
  });
}

function expectAccepted(operations: readonly Operation[]): void {
  const verdict = checkHistory(operations);
  if (verdict.ok === false) throw new Error(historyReport(verdict));
  expect(verdict.ok).toBe(true);
}

function expectRefused(operations: readonly Operation[]): Refusal {
  const verdict = checkHistory(operations);
  if (verdict.ok !== false) throw new Error(`accepted, or given up: ${JSON.stringify(verdict)}`);
  return verdict;
}

function expectInOrder(order: readonly Operation[], told = new Map<string, number>()): void {
  let register: Register | undefined = nothing;
  for (const [index, operation] of order.entries()) {
    expect(order.slice(index).filter((later) => isBefore(later, operation))).toEqual([]);
    register = after(operation, register, told);
    if (register === undefined) throw new Error(`${describeOperation(operation)} is out of order`);
  }
}

/** In time of the processor: what else this machine does meanwhile says nothing about the checker. */
function within<Result>(boundMs: number, work: () => Result): Result {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(boundMs);
  return result;
}

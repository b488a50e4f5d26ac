/**
 * Clients of the simulated service: each asks one thing at a time, through any router that listens, and records what
 * it was told. A router that dies leaves its clients without an answer. What they gave a name to, they send once more
 * at the end: it is applied once all the same.
 */

import type { Condition } from '../../src/kv/condition.ts';
import { fingerprintBytes, type IdempotencyKey } from '../../src/kv/idempotency-key.ts';
import { opIdBytes } from '../../src/kv/op-id.ts';
import type { KeyOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import type { Operation as Recorded } from '../support/history.ts';
import type { Intent } from './intent.ts';
import { type Life, newLife } from './scheduler.ts';
import { isSession } from './sessions.ts';

/** Whom clients ask. */
export type Router = {
  readonly life: Life;
  readonly execute: (operation: KeyOperation, settle: (outcome: Outcome) => void) => void;
};

export type ClientContext = {
  /** One of so many writes has a name. */
  readonly namedEvery: number;
  readonly now: () => number;
  readonly routers: () => readonly Router[];
  readonly pick: (n: number) => number;
  readonly later: (client: Life, run: () => void) => void;
  /** Until a router listens. */
  readonly wait: (client: Life, run: () => void) => void;
  readonly rest: (client: Life, restMs: number, run: () => void) => void;
  readonly note: (client: Life, text: () => string) => void;
  readonly onOutcome: (kind: Recorded['outcome']['kind'] | 'of a session') => void;
};

type Asked = {
  readonly client: Life;
  readonly router: Router;
  readonly settle: (outcome: Outcome | undefined) => void;
};

export class Clients {
  readonly history: Recorded[] = [];
  readonly #context: ClientContext;
  readonly #asked = new Set<Asked>();
  /** By key. */
  readonly #lastVersions = new Map<string, number>();
  /** Named writes by client, to be sent again. */
  readonly #named = new Map<number, KeyOperation[]>();
  #busy = 0;
  #values = 0;
  #writes = 0;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  get areDone(): boolean {
    return this.#busy === 0;
  }

  begin(client: number, intents: readonly Intent[]): void {
    const life = newLife(`client-${client}`);
    this.#busy++;
    this.#context.later(life, () => this.#next(client, life, intents));
  }

  /** What nobody changes any more is read by nobody's leave. */
  audit(intent: Intent, value: string | null): void {
    const now = this.#context.now();
    const key = intent.key.toString('latin1');
    this.history.push({
      client: 0,
      key,
      invokedAtMs: now,
      completedAtMs: now,
      kind: 'get',
      outcome: { kind: 'read', value },
    });
  }

  onRouterEnd(router: Life): void {
    for (const asked of this.#asked) {
      if (asked.router.life === router) this.#context.later(asked.client, () => asked.settle(undefined));
    }
  }

  newOperation({ kind, only, slot, key, ttlMs }: Intent): KeyOperation {
    if (kind === 'get') return { kind, slot, key };
    const condition = only && this.#conditionOf(only, key);
    const name = this.#newName();
    if (kind === 'delete') return { kind, slot, key, ...(condition?.ifMatch && { condition }), ...name };
    const guard = { ...(condition && { condition }), ...name, ...(ttlMs !== undefined && { ttlMs }) };
    if (kind === 'touch') return { kind, slot, key, ...guard };
    // Of all sizes, so that rows fill pages differently.
    const value = Buffer.from(`v${++this.#values}${'.'.repeat((this.#values * 97) % 300)}`);
    return { kind, slot, key, contentType: `type/${this.#values}`, value, ...guard };
  }

  #newName(): { readonly idempotencyKey?: IdempotencyKey } {
    if (++this.#writes % this.#context.namedEvery !== 0) return {};
    const opId = Buffer.alloc(opIdBytes, 0xff);
    opId.writeUInt32LE(this.#writes, 0);
    return { idempotencyKey: { opId, fingerprint: Buffer.alloc(fingerprintBytes) } };
  }

  #conditionOf(only: 'if-absent' | 'if-unchanged', key: Buffer): Condition {
    const version = this.#lastVersions.get(key.toString('latin1'));
    return only === 'if-absent' || version === undefined ? { ifNoneMatch: '*' } : { ifMatch: [version] };
  }

  #next(client: number, life: Life, intents: readonly Intent[]): void {
    const [intent, ...others] = intents;
    if (intent === undefined) return this.#sendAgain(client, life);
    const { now, later, wait, rest } = this.#context;
    const { restMs = 0 } = intent;
    if (restMs > 0) return rest(life, restMs, () => this.#next(client, life, [{ ...intent, restMs: 0 }, ...others]));
    const router = this.#anyRouter();
    if (router === undefined) return wait(life, () => this.#next(client, life, intents));
    const operation = this.newOperation(intent);
    const invokedAtMs = now();
    this.#ask(life, router, operation, (outcome) => {
      const effect = this.#record(operation, outcome, { client, invokedAtMs, completedAtMs: now() });
      // The version that a refusal tells of is of no operation in the history: nothing may be concluded from it.
      if (outcome !== undefined && outcome.kind !== 'precondition-failed' && 'version' in outcome) {
        this.#lastVersions.set(operation.key.toString('latin1'), outcome.version);
      }
      const mayBeApplied = effect === 'applied' || effect === 'ambiguous';
      if ('idempotencyKey' in operation && mayBeApplied) {
        this.#named.set(client, [...(this.#named.get(client) ?? []), operation]);
      }
      // Refused at once, it would be refused at once again.
      const next = effect === 'not-applied' ? wait : later;
      next(life, () => this.#next(client, life, others));
    });
  }

  /** Of keys whose values expire the history tells nothing: see sessions.ts. */
  #record(operation: KeyOperation, outcome: Outcome | undefined, when: When): Recorded['outcome']['kind'] {
    if (isSession(operation)) {
      this.#context.onOutcome('of a session');
      return writtenOf(outcome).kind;
    }
    const recorded = recordedOf(operation, outcome, when);
    this.#context.onOutcome(recorded.outcome.kind);
    this.history.push(recorded);
    return recorded.outcome.kind;
  }

  /** Whether it is told what it was told before, the invariants say. In the history it is the write that it was. */
  #sendAgain(client: number, life: Life): void {
    const [operation, ...rest] = this.#named.get(client) ?? [];
    if (operation === undefined) {
      this.#busy--;
      return;
    }
    const again = () => this.#sendAgain(client, life);
    const router = this.#anyRouter();
    if (router === undefined) return this.#context.wait(life, again);
    this.#named.set(client, rest);
    this.#ask(life, router, operation, () => this.#context.later(life, again));
  }

  #anyRouter(): Router | undefined {
    const listening = this.#context.routers();
    return listening.length === 0 ? undefined : listening[this.#context.pick(listening.length)];
  }

  /** @param settle is told undefined when the router dies */
  #ask(client: Life, router: Router, operation: KeyOperation, settle: (outcome: Outcome | undefined) => void): void {
    const { note } = this.#context;
    note(client, () => `asks ${router.life.name} to ${describe(operation)}`);
    const asked: Asked = {
      client,
      router,
      settle: (outcome) => {
        if (!this.#asked.delete(asked)) return;
        note(client, () => `is told ${describeOutcome(outcome)}`);
        settle(outcome);
      },
    };
    this.#asked.add(asked);
    router.execute(operation, (outcome) => asked.settle(outcome));
  }
}

/** @param operation of which only the beginning of a value matters */
function describe(operation: KeyOperation): string {
  const value = operation.kind === 'put' ? ` = ${nameOfValue(operation.value)}` : '';
  const condition = 'condition' in operation ? ` if ${JSON.stringify(operation.condition)}` : '';
  const name = 'idempotencyKey' in operation ? ` named ${operation.idempotencyKey?.opId.readUInt32LE(0)}` : '';
  return `${operation.kind} ${operation.key.toString('latin1')}${value}${condition}${name}`;
}

function nameOfValue(value: Buffer): string {
  return value.toString('latin1').replace(/\.+$/, '');
}

function describeOutcome(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'nothing: its router died';
  if (outcome.kind === 'failed') return `${outcome.code} (${outcome.detail})`;
  if (outcome.kind === 'value') return `${nameOfValue(outcome.value)}, version ${outcome.version}`;
  return 'version' in outcome ? `${outcome.kind}, version ${outcome.version}` : outcome.kind;
}

type When = { readonly client: number; readonly invokedAtMs: number; readonly completedAtMs: number };

/** @param outcome undefined when the connection to the router broke */
function recordedOf(operation: KeyOperation, outcome: Outcome | undefined, when: When): Recorded {
  const common = { ...when, key: operation.key.toString('latin1') };
  if (operation.kind === 'get' || operation.kind === 'head') {
    if (outcome?.kind === 'absent') return { ...common, kind: 'get', outcome: { kind: 'read', value: null } };
    if (outcome?.kind !== 'value') return { ...common, kind: 'get', outcome: { kind: 'not-applied' } };
    const value = outcome.value.toString('latin1');
    return { ...common, kind: 'get', outcome: { kind: 'read', value, version: outcome.version } };
  }
  const written = writtenOf(outcome);
  const condition = 'condition' in operation ? operation.condition : undefined;
  if (condition === undefined) {
    if (operation.kind !== 'put') return { ...common, kind: 'delete', outcome: written };
    return { ...common, kind: 'put', value: operation.value.toString('latin1'), outcome: written };
  }
  const judged = outcome?.kind === 'precondition-failed' ? ({ kind: 'refused' } as const) : written;
  const value = operation.kind === 'put' ? operation.value.toString('latin1') : '';
  if (condition.ifMatch === undefined) {
    return { ...common, kind: 'put-if-absent', value, outcome: judged };
  }
  const expectedVersion = (condition.ifMatch as readonly number[])[0] as number;
  if (operation.kind !== 'put') return { ...common, kind: 'delete-if-version', expectedVersion, outcome: judged };
  return { ...common, kind: 'put-if-version', value, expectedVersion, outcome: judged };
}

/** What became of a write. */
function writtenOf(outcome: Outcome | undefined) {
  if (outcome === undefined || (outcome.kind === 'failed' && outcome.code === 'outcome-unknown')) {
    return { kind: 'ambiguous' } as const;
  }
  return outcome.kind !== 'precondition-failed' && 'version' in outcome
    ? ({ kind: 'applied', version: outcome.version } as const)
    : ({ kind: 'not-applied' } as const);
}

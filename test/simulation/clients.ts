/**
 * Clients of the simulated service: each asks one thing at a time, through any router that listens, and records what
 * it was told. A router that dies leaves its clients without an answer.
 */

import type { Condition } from '../../src/kv/condition.ts';
import type { KeyOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import type { Operation as Recorded } from '../support/history.ts';
import type { SimulatedRouter } from './processes.ts';
import { type Life, newLife } from './scheduler.ts';

export type Intent = {
  readonly kind: 'get' | 'put' | 'delete';
  /** If the key has no value; or has the version that clients were told last. */
  readonly only?: 'if-absent' | 'if-unchanged';
  readonly slot: number;
  readonly key: Buffer;
};

export type ClientContext = {
  readonly now: () => number;
  readonly routers: () => readonly SimulatedRouter[];
  readonly pick: (n: number) => number;
  readonly later: (client: Life, run: () => void) => void;
  /** Until a router listens. */
  readonly wait: (client: Life, run: () => void) => void;
  readonly note: (client: Life, text: () => string) => void;
  readonly onOutcome: (kind: Recorded['outcome']['kind']) => void;
};

type Asked = {
  readonly client: Life;
  readonly router: SimulatedRouter;
  readonly settle: (outcome: Outcome | undefined) => void;
};

export class Clients {
  readonly history: Recorded[] = [];
  readonly #context: ClientContext;
  readonly #asked = new Set<Asked>();
  /** By key. */
  readonly #lastVersions = new Map<string, number>();
  #busy = 0;
  #values = 0;

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

  newOperation({ kind, only, slot, key }: Intent): KeyOperation {
    if (kind === 'get') return { kind, slot, key };
    const condition = only && this.#conditionOf(only, key);
    if (kind === 'delete') return { kind, slot, key, ...(condition?.ifMatch && { condition }) };
    const guard = condition === undefined ? {} : { condition };
    // Of all sizes, so that rows fill pages differently.
    const value = Buffer.from(`v${++this.#values}${'.'.repeat((this.#values * 97) % 300)}`);
    return { kind, slot, key, contentType: `type/${this.#values}`, value, ...guard };
  }

  #conditionOf(only: 'if-absent' | 'if-unchanged', key: Buffer): Condition {
    const version = this.#lastVersions.get(key.toString('latin1'));
    return only === 'if-absent' || version === undefined ? { ifNoneMatch: '*' } : { ifMatch: [version] };
  }

  #next(client: number, life: Life, intents: readonly Intent[]): void {
    const [intent, ...rest] = intents;
    if (intent === undefined) {
      this.#busy--;
      return;
    }
    const { now, routers, pick, later, wait, note } = this.#context;
    const listening = routers();
    if (listening.length === 0) return wait(life, () => this.#next(client, life, intents));
    const router = listening[pick(listening.length)] as SimulatedRouter;
    const operation = this.newOperation(intent);
    const invokedAtMs = now();
    note(life, () => `asks ${router.life.name} to ${describe(operation)}`);
    const asked: Asked = {
      client: life,
      router,
      settle: (outcome) => {
        if (!this.#asked.delete(asked)) return;
        const recorded = recordedOf(operation, outcome, { client, invokedAtMs, completedAtMs: now() });
        note(life, () => `is told ${describeOutcome(outcome)}`);
        this.#context.onOutcome(recorded.outcome.kind);
        this.history.push(recorded);
        // The version that a refusal tells of is of no operation in the history: nothing may be concluded from it.
        if (outcome !== undefined && outcome.kind !== 'precondition-failed' && 'version' in outcome) {
          this.#lastVersions.set(operation.key.toString('latin1'), outcome.version);
        }
        // Refused at once, it would be refused at once again.
        const next = recorded.outcome.kind === 'not-applied' ? wait : later;
        next(life, () => this.#next(client, life, rest));
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
  return `${operation.kind} ${operation.key.toString('latin1')}${value}${condition}`;
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

/** @param outcome undefined when the connection to the router broke */
function recordedOf(
  operation: KeyOperation,
  outcome: Outcome | undefined,
  when: { readonly client: number; readonly invokedAtMs: number; readonly completedAtMs: number },
): Recorded {
  const common = { ...when, key: operation.key.toString('latin1') };
  if (operation.kind === 'get' || operation.kind === 'head') {
    if (outcome?.kind === 'absent') return { ...common, kind: 'get', outcome: { kind: 'read', value: null } };
    if (outcome?.kind !== 'value') return { ...common, kind: 'get', outcome: { kind: 'not-applied' } };
    const value = outcome.value.toString('latin1');
    return { ...common, kind: 'get', outcome: { kind: 'read', value, version: outcome.version } };
  }
  const written =
    outcome === undefined || (outcome.kind === 'failed' && outcome.code === 'outcome-unknown')
      ? ({ kind: 'ambiguous' } as const)
      : outcome.kind !== 'precondition-failed' && 'version' in outcome
        ? ({ kind: 'applied', version: outcome.version } as const)
        : ({ kind: 'not-applied' } as const);
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

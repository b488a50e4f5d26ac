/**
 * What the history of one key says of each of its operations, before any order is searched: values and versions are
 * unique, so a get tells that its write took effect, by when, and under which version. Operations that contradict each
 * other need no search.
 */

import { describeOperation, type Operation } from './history.ts';

export type DeadEnd = {
  readonly reason: string;
  /** The longest order found in which all answers are right; empty when single operations contradict each other. */
  readonly longestPrefix: readonly Operation[];
  /** The first ones that had no place in it, the most urgent one first. */
  readonly remaining: readonly Operation[];
};

/** What a key holds. */
export type Holder = {
  readonly index: number;
  readonly value?: string | null;
  readonly version?: number | undefined;
  /** Gets that returned the value and are not placed yet. */
  readonly readsLeft: number;
};

export const absent: Holder = { index: -1, value: null, readsLeft: 0 };

/** An operation, what the whole history says of it, and where one search has it. */
export type Entry = {
  readonly operation: Operation;
  readonly index: number;
  readonly value?: string;
  version: number | undefined;
  readsLeft: number;
  /** It must be placed; an ambiguous write that nobody read may be. */
  isCertain: boolean;
  /** When it had taken effect at the latest: it, or a get of its value, was answered. */
  deadlineMs: number;
  /** Of a get: the write whose value it returned. */
  source?: Entry;
  /** What it leaves in the key; undefined for what changes nothing. */
  leaves?: Holder;
  /** Names the writes that it may be able to trade places with. */
  readonly twins: string;
  isPlaced: boolean;
};

export type Facts = {
  /** In the order of their invocation. */
  readonly entries: readonly Entry[];
  /** Writes that were told a version, the lowest first. */
  readonly versioned: readonly Entry[];
};

export function factsOf(operations: readonly Operation[]): Facts | DeadEnd {
  const entries = [...operations].sort((a, b) => a.invokedAtMs - b.invokedAtMs).map(entryOf);
  const writes = new Map(entries.map((entry) => [entry.value, entry]));
  for (const get of entries) {
    const { outcome } = get.operation;
    if (outcome.kind !== 'read' || outcome.value === null) continue;
    const write = writes.get(outcome.value);
    if (write === undefined) return contradiction('returned a value that was never written to its key', get);
    if (['refused', 'not-applied'].includes(write.operation.outcome.kind)) {
      return contradiction('returned the value of a write without effect', get, write);
    }
    if (get.deadlineMs < write.operation.invokedAtMs) {
      return contradiction('returned a value before it was written', get, write);
    }
    if (outcome.version !== undefined && write.version !== undefined && outcome.version !== write.version) {
      return contradiction(`returned a value that has version ${write.version}`, get, write);
    }
    get.source = write;
    write.version ??= outcome.version;
    write.readsLeft++;
    write.isCertain = true;
    write.deadlineMs = Math.min(write.deadlineMs, get.deadlineMs);
  }

  const versioned = entries.filter(({ version }) => version !== undefined);
  versioned.sort((a, b) => (a.version as number) - (b.version as number));
  for (const [index, write] of versioned.entries()) {
    const lower = versioned[index - 1];
    if (lower?.version === write.version) return contradiction('shares its version with another write', write, lower);
  }
  return { entries, versioned };
}

function contradiction(reason: string, ...entries: readonly (Entry | undefined)[]): DeadEnd {
  const remaining = entries.flatMap((entry) => entry?.operation ?? []);
  return { reason: `${describeOperation(remaining[0] as Operation)} ${reason}`, longestPrefix: [], remaining };
}

function entryOf(operation: Operation, index: number): Entry {
  const { kind, outcome } = operation;
  const entry: Entry = {
    operation,
    index,
    ...('value' in operation && { value: operation.value }),
    version: kind !== 'get' && outcome.kind === 'applied' ? outcome.version : undefined,
    readsLeft: 0,
    isCertain: outcome.kind !== 'ambiguous' && outcome.kind !== 'not-applied',
    deadlineMs: (outcome.kind === 'ambiguous' ? undefined : operation.completedAtMs) ?? Number.POSITIVE_INFINITY,
    twins: twinsOf(kind, 'expectedVersion' in operation ? operation.expectedVersion : undefined),
    isPlaced: false,
  };
  const isEffect = kind !== 'get' && (outcome.kind === 'applied' || outcome.kind === 'ambiguous');
  if (isEffect) entry.leaves = 'value' in operation ? entry : absent;
  return entry;
}

export function twinsOf(kind: Operation['kind'], expectedVersion?: number): string {
  return `${kind} ${expectedVersion}`;
}

/** Whether the operation, done to a key that holds this, would be answered as it was. */
export function agrees({ operation }: Entry, holder: Holder): boolean {
  const { kind, outcome } = operation;
  switch (kind) {
    case 'get':
      return outcome.kind === 'read' && outcome.value === holder.value;
    case 'put':
    case 'delete':
      return true;
    case 'put-if-absent':
      return (holder === absent) === (outcome.kind !== 'refused');
    case 'put-if-version':
    case 'delete-if-version':
      return (holder.version === operation.expectedVersion) === (outcome.kind !== 'refused');
  }
}

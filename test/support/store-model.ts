/**
 * What a store is, as plainly as it can be said: a map. It answers with the versions that the store gave, and is
 * told each of them; what else an outcome says it knows by itself.
 */

import { holds } from '../../src/kv/condition.ts';
import { commonPrefixOf, type ListQuery } from '../../src/kv/listing.ts';
import { isWrite, type KeyOperation, type Operation } from '../../src/kv/operation.ts';
import { expiryOf, type KeyOutcome, type Outcome } from '../../src/kv/outcome.ts';
import { type PartWanted, partOf } from '../../src/kv/value-part.ts';

type Held = {
  readonly version: number;
  readonly contentType: string;
  readonly value: Buffer;
  readonly expiresAtMs?: number;
};

export class StoreModel {
  #values = new Map<string, Held>();

  /** Throws nothing: it says what is not as it should be; undefined when all is. */
  faultOf(operation: Operation, outcome: Outcome, nowMs: number): string | undefined {
    if (operation.kind !== 'atomic') return this.#faultOfOne(operation, outcome as KeyOutcome, nowMs);
    if (outcome.kind !== 'batch') return `an atomic operation came to ${outcome.kind}`;
    const before = new Map(this.#values);
    const { outcomes } = outcome;
    const wasRefused = outcomes.some(({ kind }) => kind === 'precondition-failed' || kind === 'failed');
    if (!wasRefused) {
      for (const [index, one] of operation.operations.entries()) {
        const fault = this.#faultOfOne(one, outcomes[index] as KeyOutcome, nowMs);
        if (fault !== undefined) return `operation ${index} of an atomic one: ${fault}`;
      }
      return undefined;
    }
    // Each alone as if those before it had happened; then nothing has.
    const written = new Set<string>();
    const wouldBeRefused = operation.operations.some((one, index) => {
      const name = one.key.toString('latin1');
      const told = outcomes[index] as KeyOutcome;
      // Which version was given within a batch that did not happen, only the refusal itself tells.
      if (isWrite(one) && one.condition !== undefined && told.kind === 'precondition-failed' && written.has(name))
        return !holds(one.condition, told.version === 0 ? undefined : told.version);
      if (isWrite(one)) written.add(name);
      return this.#refusalOf(one, nowMs, true) !== undefined;
    });
    this.#values = before;
    return wouldBeRefused ? undefined : 'an atomic operation was refused that nothing refuses';
  }

  keys(nowMs: number): string[] {
    return [...this.#values.keys()].filter((name) => this.#at(name, nowMs) !== undefined).sort();
  }

  /** All pages of a listing, as texts: `key`, or `prefix…`. It begins with its first key: `after` counts for nothing. */
  listing(query: ListQuery, nowMs: number, isListed: (key: Buffer) => boolean = () => true): string[] {
    const keys = this.keys(nowMs);
    const listed = (query.reverse ? keys.reverse() : keys)
      .map((name) => Buffer.from(name, 'latin1'))
      .filter((key) => key.subarray(0, query.prefix.length).equals(query.prefix) && isListed(key))
      .map((key) => {
        const common = commonPrefixOf(key, query);
        return common === undefined ? key.toString('latin1') : `${common.toString('latin1')}…`;
      });
    return [...new Set(listed)];
  }

  held(name: string): Held | undefined {
    return this.#values.get(name);
  }

  #at(name: string, nowMs: number): Held | undefined {
    const held = this.#values.get(name);
    return held?.expiresAtMs !== undefined && held.expiresAtMs <= nowMs ? undefined : held;
  }

  /** What the operation has to come to when it is refused; it happens when it is not, and `happens`. */
  #refusalOf(operation: KeyOperation, nowMs: number, happens: boolean): string | undefined {
    if (!isWrite(operation)) return undefined;
    const name = operation.key.toString('latin1');
    const held = this.#at(name, nowMs);
    const { condition } = operation;
    if (condition !== undefined && !holds(condition, held?.version)) return 'precondition-failed';
    if (operation.kind === 'touch' && held === undefined) return 'key-not-found';
    if (operation.kind === 'increment') {
      const number = numberOf(held);
      if (number === undefined) return 'counter-not-a-number';
      const sum = number + operation.by;
      if (BigInt.asIntN(64, sum) !== sum) return 'counter-overflow';
    }
    if (happens) this.#happen(operation, 0, nowMs);
    return undefined;
  }

  #happen(operation: KeyOperation, version: number, nowMs: number): void {
    const name = operation.key.toString('latin1');
    const held = this.#at(name, nowMs);
    if (operation.kind === 'delete') this.#values.delete(name);
    if (operation.kind === 'put') {
      const { contentType, value, expiresAtMs } = operation;
      this.#values.set(name, { version, contentType, value, ...(expiresAtMs !== undefined && { expiresAtMs }) });
    }
    if (operation.kind === 'touch') {
      const { expiresAtMs: _, ...rest } = held as Held;
      this.#values.set(name, { ...rest, version, ...expiryOf(operation.expiresAtMs ?? 0) });
    }
    if (operation.kind === 'increment') {
      const value = Buffer.from(String((numberOf(held) ?? 0n) + operation.by));
      const { expiresAtMs: keptMs = 0, contentType = 'text/plain' } = held ?? {};
      this.#values.set(name, { contentType, version, value, ...expiryOf(operation.expiresAtMs ?? keptMs) });
    }
  }

  #faultOfOne(operation: KeyOperation, outcome: KeyOutcome, nowMs: number): string | undefined {
    const name = operation.key.toString('latin1');
    const held = this.#at(name, nowMs);
    const refusal = this.#refusalOf(operation, nowMs, false);
    if (refusal !== undefined || outcome.kind === 'precondition-failed' || outcome.kind === 'failed') {
      const found = outcome.kind === 'failed' ? outcome.code : outcome.kind;
      if (found !== refusal) return `${operation.kind} came to ${found}, not ${refusal ?? 'what it does'}`;
      const isTold = outcome.kind !== 'precondition-failed' || outcome.version === (held?.version ?? 0);
      return isTold ? undefined : `a refusal tells of version ${JSON.stringify(outcome)}, not ${held?.version}`;
    }
    const expected = expectedKind(operation, held);
    if (outcome.kind !== expected) return `${operation.kind} of ${name} came to ${outcome.kind}, not ${expected}`;
    if ((outcome.kind === 'value' || outcome.kind === 'part' || outcome.kind === 'metadata') && held !== undefined)
      return differenceOf(operation.kind === 'get' ? operation : {}, outcome, held);
    if (!('version' in outcome)) return undefined;
    if (held !== undefined && outcome.version <= held.version)
      return `version ${outcome.version} after ${held.version}`;
    this.#happen(operation, outcome.version, nowMs);
    if (outcome.kind !== 'counted') return undefined;
    const { value, expiresAtMs } = this.#values.get(name) as Held;
    if (outcome.expiresAtMs !== expiresAtMs) return `counted until ${outcome.expiresAtMs}, not ${expiresAtMs}`;
    return String(value) === String(outcome.number) ? undefined : `counted ${outcome.number}, not ${value}`;
  }
}

function expectedKind(operation: KeyOperation, held: Held | undefined): string {
  switch (operation.kind) {
    case 'get':
      return held === undefined ? 'absent' : kindOfPart(operation, held);
    case 'head':
      return held === undefined ? 'absent' : 'metadata';
    case 'put':
      return held === undefined ? 'created' : 'replaced';
    case 'touch':
      return 'replaced';
    case 'delete':
      return 'deleted';
    case 'increment':
      return 'counted';
  }
}

function kindOfPart(wanted: PartWanted, { version, value }: Held): 'value' | 'part' | 'metadata' {
  const part = partOf(wanted, version, value.length);
  return part === 'whole' ? 'value' : part === 'none' ? 'metadata' : 'part';
}

type Read = Extract<KeyOutcome, { kind: 'value' | 'part' | 'metadata' }>;

function differenceOf(wanted: PartWanted, outcome: Read, held: Held): string | undefined {
  if (outcome.version !== held.version) return `version ${outcome.version}, not ${held.version}`;
  if (outcome.contentType !== held.contentType) return `type ${outcome.contentType}, not ${held.contentType}`;
  if (outcome.expiresAtMs !== held.expiresAtMs) return `expiry ${outcome.expiresAtMs}, not ${held.expiresAtMs}`;
  if (outcome.kind !== 'value' && outcome.valueBytes !== held.value.length) return 'another length';
  if (outcome.kind === 'metadata') return undefined;
  const part = partOf(wanted, held.version, held.value.length);
  const { first, last } = typeof part === 'string' ? { first: 0, last: held.value.length - 1 } : part;
  if (outcome.kind === 'part' && outcome.first !== first) return `byte ${outcome.first} first, not ${first}`;
  const given = held.value.subarray(first, last + 1);
  return outcome.value.equals(given) ? undefined : `${outcome.value}, not ${given}`;
}

function numberOf(held: Held | undefined): bigint | undefined {
  if (held === undefined) return 0n;
  const text = held.value.toString('latin1');
  if (text.length > 20 || !/^(0|-?[1-9]\d*)$/.test(text)) return undefined;
  const number = BigInt(text);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

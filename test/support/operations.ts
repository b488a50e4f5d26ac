/** Operations, made short. */

import { keyOfText } from '../../src/kv/key.ts';
import type { ListQuery } from '../../src/kv/listing.ts';
import type {
  AtomicOperation,
  Expiry,
  IncrementOperation,
  KeyOperation,
  PutOperation,
  WriteOperation,
} from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import type { PartWanted } from '../../src/kv/value-part.ts';
import { slotOf } from '../../src/partition/slot.ts';

type Guards = Pick<WriteOperation, 'condition' | 'idempotencyKey'>;

export function get(key: string | Buffer, wanted: PartWanted = {}): KeyOperation {
  return { kind: 'get', ...addressed(key), ...wanted };
}

export function head(key: string | Buffer): KeyOperation {
  return { kind: 'head', ...addressed(key) };
}

export function put(
  key: string | Buffer,
  value: string | Buffer,
  contentType = 'text/plain',
  more: Guards & Expiry = {},
): PutOperation {
  return { kind: 'put', ...addressed(key), contentType, value: Buffer.from(value as string), ...more };
}

export function touch(key: string | Buffer, expiry: Expiry, guards: Guards = {}): WriteOperation {
  return { kind: 'touch', ...addressed(key), ...expiry, ...guards };
}

export function remove(key: string | Buffer, guards: Guards = {}): WriteOperation {
  return { kind: 'delete', ...addressed(key), ...guards };
}

export function increment(key: string | Buffer, by: bigint | number, more: Guards & Expiry = {}): IncrementOperation {
  return { kind: 'increment', ...addressed(key), by: BigInt(by), ...more };
}

/** Of keys of one slot. */
export function atomic(...operations: KeyOperation[]): AtomicOperation {
  return { kind: 'atomic', slot: operations[0]?.slot ?? 0, operations };
}

export function listQuery(
  query: Partial<Omit<ListQuery, 'prefix' | 'delimiter'>> & { prefix?: string; delimiter?: string } = {},
): ListQuery {
  const { prefix = '', delimiter, after, limit = 1_000, values = false, reverse = false } = query;
  return {
    prefix: Buffer.from(prefix),
    after,
    delimiter: delimiter === undefined ? undefined : Buffer.from(delimiter),
    limit,
    values,
    reverse,
  };
}

/** A name that a client may give to a write, and what it asked. */
export function idempotencyKey(name: string, asked: string): NonNullable<Guards['idempotencyKey']> {
  const opId = Buffer.alloc(16);
  opId.write(name);
  const fingerprint = Buffer.alloc(8);
  fingerprint.write(asked);
  return { opId, fingerprint };
}

export function versionOf(outcome: Outcome): number {
  if (!('version' in outcome)) throw new Error(`${outcome.kind} has no version`);
  return outcome.version;
}

function addressed(key: string | Buffer): { slot: number; key: Buffer } {
  const bytes = typeof key === 'string' ? keyOfText(key) : key;
  return { slot: slotOf(bytes), key: bytes };
}

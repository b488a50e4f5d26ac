/** Operations on a few keys, so that they meet. */

import fc from 'fast-check';
import type { Condition } from '../../src/kv/condition.ts';
import type { Operation } from '../../src/kv/operation.ts';
import { type RangeWanted, rangeBytesMax } from '../../src/kv/value-part.ts';
import { atomic, get, head, increment, put, remove, touch } from './operations.ts';

const key = fc.constantFrom('a', 'b', '{tag}1', '{tag}2', 'ключ');
const anyVersions = fc.oneof(fc.constant('*' as const), fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 }));
const guards: fc.Arbitrary<{ condition?: Condition }> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: anyVersions.map((ifMatch) => ({ condition: { ifMatch } })) },
  { weight: 1, arbitrary: anyVersions.map((ifNoneMatch) => ({ condition: { ifNoneMatch } })) },
);
/** Never, or long after the test. */
const expiries = fc.constantFrom(0, Date.now() + 3_600_000, Date.now() + 7_200_000);
const types = fc.constantFrom('', 'text/plain', 'application/json');
const anyValue = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((number) => Buffer.from(String(number))),
);
const anyKeyOperation = (name: fc.Arbitrary<string>) =>
  fc.oneof(
    name.map((one) => get(one)),
    name.map((one) => head(one)),
    fc.tuple(name, guards).map(([one, guard]) => remove(one, guard)),
    fc.tuple(name, anyValue, types, guards).map(([one, value, type, guard]) => put(one, value, type, guard)),
    fc.tuple(name, expiries, guards).map(([one, expiresAtMs, guard]) => touch(one, { expiresAtMs }, guard)),
    fc
      .tuple(name, fc.oneof(fc.bigInt({ min: -5n, max: 5n }), fc.constant(2n ** 62n)), guards, fc.option(expiries))
      .map(([one, by, guard, expiresAtMs]) =>
        increment(one, by, { ...guard, ...(expiresAtMs !== null && { expiresAtMs }) }),
      ),
  );
/** As HTTP can ask for it: so many bytes from one on, or the last ones. */
const anyRange: fc.Arbitrary<RangeWanted> = fc.oneof(
  fc.record({ from: fc.nat(30), bytesMax: fc.oneof(fc.nat(30), fc.constant(rangeBytesMax)) }),
  fc.record({ from: fc.nat(30), bytesMax: fc.nat(30), version: fc.integer({ min: 1, max: 30 }) }),
  fc.nat(30).map((bytes) => ({ from: 0 - bytes, bytesMax: bytes })),
);
const anyPart = fc.oneof(
  guards,
  fc.tuple(guards, anyRange).map(([guard, range]) => ({ ...guard, range })),
);
const tagged = anyKeyOperation(fc.constantFrom('{tag}1', '{tag}2', '{tag}3'));
export const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: anyKeyOperation(key) },
  { weight: 2, arbitrary: fc.tuple(key, anyPart).map(([name, wanted]) => get(name, wanted)) },
  {
    weight: 1,
    arbitrary: fc.array(tagged, { minLength: 1, maxLength: 5 }).map((operations) => atomic(...operations)),
  },
);

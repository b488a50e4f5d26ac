/** Which versions a condition lets a write pass over, as RFC 9110 (13.1) says it of entity tags. */

import { expect, test } from 'vitest';
import { type Condition, holds } from '../../src/kv/condition.ts';

test.each<[Condition, number | undefined, boolean]>([
  [{}, undefined, true],
  [{}, 5, true],
  [{ ifMatch: '*' }, undefined, false],
  [{ ifMatch: '*' }, 5, true],
  [{ ifMatch: [] }, undefined, false],
  [{ ifMatch: [] }, 5, false],
  [{ ifMatch: [4, 5] }, 5, true],
  [{ ifMatch: [4] }, 5, false],
  [{ ifMatch: [4] }, undefined, false],
  [{ ifNoneMatch: '*' }, undefined, true],
  [{ ifNoneMatch: '*' }, 5, false],
  [{ ifNoneMatch: [] }, 5, true],
  [{ ifNoneMatch: [4, 5] }, 5, false],
  [{ ifNoneMatch: [4] }, 5, true],
  [{ ifNoneMatch: [4] }, undefined, true],
  [{ ifMatch: [5], ifNoneMatch: [4] }, 5, true],
  [{ ifMatch: [5], ifNoneMatch: [5] }, 5, false],
  [{ ifMatch: [4], ifNoneMatch: [4] }, 5, false],
])('%j over version %s: %s', (condition, version, isMet) => {
  expect(holds(condition, version)).toBe(isMet);
});

/**
 * What must hold, said where it holds. A broken invariant is a defect: it ends the process, which the primary starts
 * again from what is on disk, before anything wrong is served or stored.
 */

import { ok } from 'node:assert/strict';

let areDearChecked = false;

/** Cheap enough to be checked always. @throws AssertionError */
export function invariant(holds: boolean, message: string): asserts holds {
  ok(holds, message);
}

/** Costs more than a client would forgive: checked in the simulator alone. @throws AssertionError */
export function dearInvariant(holds: () => boolean, message: string): void {
  if (areDearChecked) ok(holds(), message);
}

export function checkDearInvariants(areChecked = true): void {
  areDearChecked = areChecked;
}

/**
 * The precondition of a write: which versions the key must have, or must not (RFC 9110, 13.1). Pure: the owner of
 * the key evaluates it in the same step as the write.
 */

/** `*` is any version at all; a list, which may be empty, is these versions. */
export type Versions = '*' | readonly number[];

/** Both must hold. A condition without either always does. */
export type Condition = { readonly ifMatch?: Versions; readonly ifNoneMatch?: Versions };

/** Versions that each of the two lists may have. */
export const conditionVersionsMax = 32;

/** @param version what the key has; undefined when it has no value */
export function holds({ ifMatch, ifNoneMatch }: Condition, version: number | undefined): boolean {
  if (ifMatch !== undefined && !isAmong(ifMatch, version)) return false;
  return ifNoneMatch === undefined || !isAmong(ifNoneMatch, version);
}

function isAmong(versions: Versions, version: number | undefined): boolean {
  if (version === undefined) return false;
  return versions === '*' || versions.includes(version);
}

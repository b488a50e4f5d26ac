/**
 * Under which condition a write may happen, as HTTP's If-Match and If-None-Match say it (RFC 9110, 13.1). Pure:
 * whoever owns the key evaluates it, in the same step as the write.
 */

/** `*` is any version at all; a list, which may be empty, is these versions. */
export type Versions = '*' | readonly number[];

/** Both must hold. A condition without either always does. */
export type Condition = { readonly ifMatch?: Versions; readonly ifNoneMatch?: Versions };

/** At most so many versions in each of the two lists. */
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

/**
 * Conditional requests (RFC 9110, 13.1): If-Match and If-None-Match as they stand in headers. An entity tag of ours
 * is a version in quotes; any other tag is of something that we never had.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { type Condition, conditionVersionsMax, holds, type Versions } from '../../kv/condition.ts';
import { KvError } from '../../kv/errors.ts';

export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * The condition of a write; undefined when there is none.
 * @throws KvError condition-malformed
 */
export function conditionOf(headers: IncomingHttpHeaders): Condition | undefined {
  const [match, noneMatch] = [headers['if-match'], headers['if-none-match']];
  if (match === undefined && noneMatch === undefined) return undefined;
  return conditionOfTexts(match, noneMatch);
}

/** @throws KvError condition-malformed */
export function conditionOfTexts(match: string | undefined, noneMatch: string | undefined): Condition {
  return {
    // Strong comparison: a weak tag never matches. And weak comparison (RFC 9110, 8.8.3.2).
    ...(match !== undefined && { ifMatch: versionsOf('If-Match', match, 'strong') }),
    ...(noneMatch !== undefined && { ifNoneMatch: versionsOf('If-None-Match', noneMatch, 'weak') }),
  };
}

/** What a conditional read comes to, of a value that is there. */
export function readVerdict(
  condition: Condition | undefined,
  version: number,
): 'send' | 'not-modified' | 'precondition-failed' {
  if (condition === undefined) return 'send';
  const { ifMatch, ifNoneMatch } = condition;
  if (ifMatch !== undefined && !holds({ ifMatch }, version)) return 'precondition-failed';
  return ifNoneMatch !== undefined && !holds({ ifNoneMatch }, version) ? 'not-modified' : 'send';
}

/** Between commas; within quotes a comma is a character as any other. */
const listPart = /(?:"[^"]*"|[^,"])+|"/g;
const entityTag = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;

function versionsOf(header: string, text: string, comparison: 'strong' | 'weak'): Versions {
  if (text.trim() === '*') return '*';
  const versions: number[] = [];
  // Empty parts are nothing (RFC 9110, 5.6.1.2), as long as there is any other.
  const parts = (text.match(listPart) ?? []).map((part) => part.trim()).filter((part) => part !== '');
  for (const part of parts.length === 0 ? [text] : parts) {
    const found = entityTag.exec(part);
    if (found === null) {
      throw new KvError('condition-malformed', `${header} must be * or a list of entity tags in quotes, not ${text}.`);
    }
    const [, weak, opaque = ''] = found;
    const version = versionIn(opaque);
    if (version !== undefined && (weak === undefined || comparison === 'weak')) versions.push(version);
  }
  if (versions.length > conditionVersionsMax) {
    throw new KvError('condition-malformed', `${header} may have at most ${conditionVersionsMax} entity tags.`);
  }
  return versions;
}

/** Undefined for a tag that we never gave, and for a weak one. */
export function versionOfTag(tag: string): number | undefined {
  const [, weak, opaque = ''] = entityTag.exec(tag) ?? [];
  return weak === undefined ? versionIn(opaque) : undefined;
}

function versionIn(opaque: string): number | undefined {
  const isOurs = /^[1-9]\d{0,15}$/.test(opaque) && Number(opaque) <= Number.MAX_SAFE_INTEGER;
  return isOurs ? Number(opaque) : undefined;
}

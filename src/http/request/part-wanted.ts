/** What of a value a GET or a HEAD asks for, by its preconditions and its range (RFC 9110, 13 and 14). */

import type { IncomingHttpHeaders } from 'node:http';
import type { PartWanted } from '../../kv/value-part.ts';
import { conditionOf } from './conditions.ts';
import { rangeOf } from './ranges.ts';

/**
 * Of a GET.
 * @throws KvError condition-malformed
 */
export function partWanted(headers: IncomingHttpHeaders): PartWanted {
  const range = rangeOf(headers);
  const wanted = metadataWanted(headers);
  return range === undefined ? wanted : { ...wanted, range };
}

/**
 * Of a HEAD, for which ranges count for nothing.
 * @throws KvError condition-malformed
 */
export function metadataWanted(headers: IncomingHttpHeaders): PartWanted {
  const condition = conditionOf(headers);
  return condition === undefined ? all : { condition };
}

const all: PartWanted = {};

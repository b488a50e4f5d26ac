/**
 * Which bytes of a value a Range header asks for (RFC 9110, 14). One range of bytes is served; several ranges, other
 * units and what is malformed are ignored, as the standard allows: the answer is the whole value.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { type RangeWanted, rangeBytesMax } from '../../kv/value-part.ts';
import { versionOfTag } from './conditions.ts';

/** Undefined where the whole value is wanted. With an If-Range that names another value, it will be. */
export function rangeOf({ range, 'if-range': ifRange }: IncomingHttpHeaders): RangeWanted | undefined {
  if (range === undefined) return undefined;
  const found = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(range);
  if (found === null) return undefined;
  const [, from = '', to = ''] = found;
  const bytes = from === '' ? suffixOf(to) : bytesBetween(Number(from), to);
  if (bytes === undefined || ifRange === undefined) return bytes;
  const version = versionOfTag(String(ifRange));
  return version === undefined ? undefined : { ...bytes, version };
}

function suffixOf(digits: string): RangeWanted | undefined {
  if (digits === '') return undefined;
  const bytes = storable(Number(digits));
  return { from: 0 - bytes, bytesMax: bytes };
}

function bytesBetween(first: number, digits: string): RangeWanted | undefined {
  const last = digits === '' ? Number.POSITIVE_INFINITY : Number(digits);
  if (last < first) return undefined;
  return { from: storable(first), bytesMax: storable(storable(last) - storable(first) + 1) };
}

function storable(bytes: number): number {
  return Math.min(bytes, rangeBytesMax);
}

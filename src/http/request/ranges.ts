/**
 * Which bytes of a value a Range header asks for (RFC 9110, 14). One range of bytes is served; several ranges, other
 * units and what is malformed are ignored, as the standard allows: the answer is the whole value.
 */

import type { IncomingHttpHeaders } from 'node:http';

export type ByteRange = { readonly first: number; readonly last: number };

/** @param etag of the value: with an If-Range that names another one, the range is ignored */
export function rangeOf(
  headers: IncomingHttpHeaders,
  valueBytes: number,
  etag: string,
): ByteRange | 'whole' | 'not-satisfiable' {
  const { range, 'if-range': ifRange } = headers;
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return 'whole';
  const found = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(range);
  if (found === null) return 'whole';
  const [, from = '', to = ''] = found;
  if (from === '') {
    if (to === '') return 'whole';
    const suffixBytes = Number(to);
    if (suffixBytes === 0 || valueBytes === 0) return 'not-satisfiable';
    return { first: Math.max(0, valueBytes - suffixBytes), last: valueBytes - 1 };
  }
  const first = Number(from);
  const last = to === '' ? valueBytes - 1 : Math.min(Number(to), valueBytes - 1);
  if (to !== '' && Number(to) < first) return 'whole';
  return first >= valueBytes ? 'not-satisfiable' : { first, last };
}

/**
 * How a URL names a key: as UTF-8 text, percent-encoded in the path, or as any bytes in base64url. The service parses
 * it and its own clients write it, so both directions are here.
 */

import { isUtf8 } from 'node:buffer';
import { KvError } from '../kv/errors.ts';
import { type Key, keyOfBytes } from '../kv/key.ts';

const asciiWithoutPercent = /^[\x21-\x24\x26-\x7e]*$/;

/**
 * The key in a URL path: percent-encoded, or raw, slashes included.
 * @param segment as it stands in the request line, one char per byte (latin1), as `node:http` gives it
 * @throws KvError key-empty, key-malformed, key-too-long
 */
export function keyOfPath(segment: string): Key {
  if (asciiWithoutPercent.test(segment)) return undotted(keyOfBytes(Buffer.from(segment, 'latin1')));
  const key = percentDecoded(segment);
  if (!isUtf8(key)) {
    throw new KvError(
      'key-malformed',
      'The key is not UTF-8. Percent-encode the UTF-8 bytes of the key, or send any bytes with ?key-encoding=base64url.',
    );
  }
  return undotted(keyOfBytes(key));
}

/** URL clients fold "." and ".." away, encoded or not: what one writes so, no other would find. */
function undotted(key: Key): Key {
  const isDots = key[0] === 0x2e && (key.length === 1 || (key.length === 2 && key[1] === 0x2e));
  if (!isDots) return key;
  throw new KvError('key-malformed', 'Write the keys "." and ".." as Lg and Li4, with ?key-encoding=base64url.');
}

/** Path and query that name this key in the REST API, after `/v1/kv/`. The inverse of the two parsers above. */
export function urlOfKey(key: Key): string {
  const text = key.toString('utf8');
  // URL parsers fold the segments "." and ".." away, percent-encoded or not.
  if (!isUtf8(key) || text === '.' || text === '..') return `${key.toString('base64url')}?key-encoding=base64url`;
  return encodeURIComponent(text);
}

function percentDecoded(segment: string): Buffer {
  const bytes = Buffer.from(segment, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at] as number;
    if (byte === 0x25 /* % */) {
      const hex = segment.slice(at + 1, at + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(hex)) {
        throw new KvError('key-malformed', `"%${hex}" is not a percent-encoded byte: write % itself as %25.`);
      }
      byte = Number.parseInt(hex, 16);
      at += 2;
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

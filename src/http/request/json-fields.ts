/** Keys and values in JSON: as text where their bytes are UTF-8, under another name in base64 where they are not. */

import { isUtf8 } from 'node:buffer';
import type { Key } from '../../kv/key.ts';

export function keyFields(key: Key): { key: string } | { keyBase64url: string } {
  return isUtf8(key) ? { key: key.toString() } : { keyBase64url: key.toString('base64url') };
}

export function prefixFields(prefix: Buffer): { prefix: string } | { prefixBase64url: string } {
  return isUtf8(prefix) ? { prefix: prefix.toString() } : { prefixBase64url: prefix.toString('base64url') };
}

export function valueFields(value: Buffer): { value: string } | { valueBase64: string } {
  return isUtf8(value) ? { value: value.toString() } : { valueBase64: value.toString('base64') };
}

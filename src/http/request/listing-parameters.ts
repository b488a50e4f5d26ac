/** Query parameters that say of which keys a request is: a prefix, and where to go on. */

import { KvError } from '../../kv/errors.ts';
import { keyBytesMax } from '../../kv/key.ts';
import type { ListPosition } from '../../kv/listing.ts';
import { oneOfTexts, type Parameters } from './parameters.ts';

/** How parts of keys are written in the query. */
export type KeyEncoding = 'percent' | 'base64url' | undefined;

/** @throws KvError parameter-invalid */
export function encodingOf(parameters: Parameters<'key-encoding'>): KeyEncoding {
  return oneOfTexts('key-encoding', parameters['key-encoding'], ['percent', 'base64url']);
}

/** @throws KvError parameter-invalid */
export function keyPartOf(name: string, text: string | undefined, encoding: KeyEncoding): Buffer | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, encoding === 'base64url' ? 'base64url' : 'utf8');
  if (bytes.length <= keyBytesMax) return bytes;
  throw new KvError('parameter-invalid', `${name} may have at most ${keyBytesMax} bytes, like a key.`);
}

/** Empty for every key. @throws KvError parameter-invalid */
export function prefixOf(parameters: Parameters<'prefix' | 'key-encoding'>): Buffer {
  return keyPartOf('prefix', parameters.prefix, encodingOf(parameters)) ?? Buffer.alloc(0);
}

export function cursorOf({ kind, bytes }: ListPosition): string {
  return `${kind === 'key' ? 'k' : 'p'}${bytes.toString('base64url')}`;
}

/** @throws KvError parameter-invalid */
export function positionOfCursor(cursor: string | undefined): ListPosition | undefined {
  if (cursor === undefined) return undefined;
  if (/^[kp][A-Za-z0-9_-]{0,1366}$/.test(cursor)) {
    return { kind: cursor.startsWith('k') ? 'key' : 'prefix', bytes: Buffer.from(cursor.slice(1), 'base64url') };
  }
  throw new KvError('parameter-invalid', 'cursor must be the "next" of an earlier page.');
}

/**
 * Values as a program has them, and as they are stored: bytes with a content type. Text and bytes are stored as they
 * are; everything else as JSON. Pure.
 */

export type Stored = { readonly contentType: string; readonly body: string | Uint8Array<ArrayBuffer> };

/**
 * @param contentType in place of the one that the value's own type says
 * @throws TypeError for what neither is text or bytes nor has JSON
 */
export function storedOf(value: unknown, contentType?: string): Stored {
  if (typeof value === 'string') {
    return { contentType: contentType ?? 'text/plain; charset=utf-8', body: wholeText(value, 'A value') };
  }
  const bytes = bytesIn(value);
  if (bytes !== undefined) return { contentType: contentType ?? 'application/octet-stream', body: bytes };
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError(`A value is text, bytes, or has JSON; this is ${typeof value}.`);
  return { contentType: contentType ?? 'application/json', body: json };
}

/**
 * JSON where the type says so, text where it is text, bytes otherwise. What other clients have stored under a type that
 * it does not have is text, or bytes.
 */
export function decodedOf(bytes: Uint8Array, contentType: string): unknown {
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const isJson = mediaType === 'application/json' || mediaType.endsWith('+json');
  if (!isJson && !mediaType.startsWith('text/')) return bytes;
  const text = textOf(bytes);
  if (text === undefined || !isJson) return text ?? bytes;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @throws TypeError for half of a surrogate pair, which has no bytes in UTF-8 and would be stored as another text */
export function wholeText(text: string, what: string): string {
  if (!/\p{Surrogate}/u.test(text)) return text;
  throw new TypeError(`${what} is text of whole Unicode characters; this has half of a surrogate pair.`);
}

export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes;
}

export function base64Of(bytes: Uint8Array): string {
  const pieces: string[] = [];
  // Applied, not spread: an iterator is ten times as slow. A call takes some ten thousands of arguments at most.
  for (let at = 0; at < bytes.length; at += 8_192) {
    pieces.push(String.fromCharCode.apply(undefined, bytes.subarray(at, at + 8_192) as unknown as number[]));
  }
  return btoa(pieces.join(''));
}

function bytesIn(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value instanceof Uint8Array ? (value as Uint8Array<ArrayBuffer>) : undefined;
}

/** Undefined where the bytes are not UTF-8. A byte order mark is a character as any other. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * What every contestant is asked: which keys there are, and what a request says. Pure. The load generators (one
 * in Lua, one here) send the same bytes, so that it does not matter to a contestant which of them drives.
 */

export type Method = 'GET' | 'PUT';

export const connections = 64;
/** All of them are there before the first measurement, so that every GET finds its value. */
export const keyCount = 100_000;
export const valueBytes = 100;
export const contentType = 'text/plain';

/** Key number 42 is at `/v1/kv/user-000042`. */
export const keyPathPrefix = '/v1/kv/user-';
export const keyDigits = 6;

export function pathOfKey(index: number): string {
  return keyPathPrefix + String(index).padStart(keyDigits, '0');
}

/**
 * A value that no other request carries: SQLite skips a page whose new bytes equal the old.
 * @param seed differs from drive to drive, `sequence` within one
 */
export function valueText(seed: number, sequence: number): string {
  return `${seed} ${sequence} `.padEnd(valueBytes, 'x');
}

/** One whole HTTP request, as it goes over the socket. */
export function requestText(method: Method, host: string, path: string, value: string): string {
  if (method === 'GET') return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const headers = `Host: ${host}\r\nContent-Type: ${contentType}\r\nContent-Length: ${valueBytes}`;
  return `PUT ${path} HTTP/1.1\r\n${headers}\r\n\r\n${value}`;
}

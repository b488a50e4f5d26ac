/** The body of a request that is a value: any bytes, and the type under which they are stored. */

import type { FastifyRequest } from 'fastify';
import { KvError } from '../../kv/errors.ts';

export const contentTypeBytesMax = 255;
const noBytes = Buffer.alloc(0);

/** Empty when the request had none. */
export function bodyOf(request: FastifyRequest): Buffer {
  return (request.body as Buffer | undefined) ?? noBytes;
}

/** @throws KvError content-type-invalid */
export function storableContentType(header: string | undefined): string {
  if (header === undefined) return '';
  if (header.length > contentTypeBytesMax) {
    throw new KvError(
      'content-type-invalid',
      `The Content-Type has ${header.length} bytes; at most ${contentTypeBytesMax} are stored.`,
    );
  }
  return header;
}

/**
 * Refuses what would make the stored bytes mean something else than the client's value.
 * @throws KvError content-encoding-unsupported, content-range-unsupported
 */
export function checkBodyHeaders({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new KvError(
      'content-encoding-unsupported',
      'A Content-Encoding would not be given back with the value: send the value without one.',
    );
  }
  if (headers['content-range'] !== undefined) {
    throw new KvError('content-range-unsupported', 'A PUT writes the whole value: send it without Content-Range.');
  }
}

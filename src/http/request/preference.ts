/** Prefer (RFC 7240): what a client would like and can do without. */

import type { FastifyRequest } from 'fastify';

/** @param preference in lower case, e.g. `server-timing` or `return=representation` */
export function prefers({ headers }: FastifyRequest, preference: string): boolean {
  const said = headers['prefer'];
  if (typeof said !== 'string') return false;
  return said.split(',').some((one) => nameAndValueOf(one) === preference);
}

/** Without its parameters; the value may stand in quotes. */
function nameAndValueOf(preference: string): string {
  const [text = ''] = preference.split(';', 1);
  return text.replace(/[\s"]/g, '').toLowerCase();
}

/** How much to add to a counter, as query and batch say it. */

import { KvError } from '../../kv/errors.ts';

/** @throws KvError parameter-invalid */
export function incrementOf(text: string): bigint {
  const by = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (by !== undefined && by === BigInt.asIntN(64, by)) return by;
  throw new KvError(
    'parameter-invalid',
    `by must be a 64-bit whole number, such as 1 or -5, not ${JSON.stringify(text)}.`,
  );
}

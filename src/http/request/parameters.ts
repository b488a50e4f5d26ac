/** Query parameters: only those that a route knows, each at most once. Anything else is refused. */

import { KvError } from '../../kv/errors.ts';

export type Parameters<Name extends string> = { readonly [N in Name]?: string };

/**
 * @param url as it stands in the request line
 * @throws KvError parameter-unknown, parameter-invalid
 */
export function parametersOf<const Name extends string>(url: string, allowed: readonly Name[]): Parameters<Name> {
  const queryAt = url.indexOf('?');
  if (queryAt === -1) return {};
  const found: { [N in Name]?: string } = {};
  for (const [name, value] of new URLSearchParams(url.slice(queryAt + 1))) {
    const known = allowed.find((one) => one === name);
    if (known === undefined) {
      throw new KvError(
        'parameter-unknown',
        `There is no query parameter ${JSON.stringify(name)} here; allowed are ${allowed.join(', ')}. A ? within a key is written %3F.`,
      );
    }
    if (found[known] !== undefined) throw new KvError('parameter-invalid', `${name} is given more than once.`);
    found[known] = value;
  }
  return found;
}

/** @throws KvError parameter-invalid */
export function oneOfTexts<const Text extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly Text[],
): Text | undefined {
  if (value === undefined) return undefined;
  const known = allowed.find((one) => one === value);
  if (known !== undefined) return known;
  const texts = allowed.map((one) => JSON.stringify(one)).join(' or ');
  throw new KvError('parameter-invalid', `${name} must be ${texts}, not ${JSON.stringify(value)}.`);
}

/**
 * A whole number of decimal digits.
 * @throws KvError parameter-invalid
 */
export function wholeNumber(
  name: string,
  value: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new KvError(
    'parameter-invalid',
    `${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(value)}.`,
  );
}

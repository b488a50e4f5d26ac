/** Counters: values that are the decimal text of a 64-bit number. Pure. */

/** Of a counter that was made by counting. */
export const counterContentType = 'text/plain';

/** The number that the value is the text of, as counters write it; undefined for anything else. */
export function numberOf(value: Buffer): bigint | undefined {
  if (value.length === 0 || value.length > 20) return undefined;
  const text = value.toString('latin1');
  if (!/^(0|-?[1-9]\d*)$/.test(text)) return undefined;
  const number = BigInt(text);
  return number === BigInt.asIntN(64, number) ? number : undefined;
}

/** Under which name requests of one address are counted. Pure. */

/**
 * Of IPv6 the first 64 bits: whoever has one such address has as many as he likes (RFC 6177).
 * @param address as Node writes it; undefined when the connection has gone
 */
export function clientNameOf(address: string | undefined): string {
  if (address === undefined) return 'address unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return `address ${mapped ?? address}`;
  const [before = '', after] = address.split('%', 1)[0]?.split('::') ?? [];
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(before), groups(after ?? '')];
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return `address ${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

/** What an operator wants of tokens and keys cannot be done. The message says why, and what to do. */

export class AccessRefused extends Error {
  override readonly name = 'AccessRefused';
}

/** What an operator wants of tokens and keys cannot be done. The message says why, and what to do. */

export class AccessRefused extends Error {
  override readonly name = 'AccessRefused';
}

/** The sentence for a token that nobody has made, or that was revoked. */
export function noSuchToken(name: string): string {
  return `There is no token ${name}. \`shardctl token list\` shows all.`;
}

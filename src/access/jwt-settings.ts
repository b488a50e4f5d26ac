/** What tokens are verified with. Apart from the verifier: most services never load what checks signatures. */

export type JwtSettings = {
  /** A JSON Web Key Set (RFC 7517), as text. */
  readonly keys: string;
  /** A token names one of these as its audience. None: it names no audience. */
  readonly audiences: readonly string[];
};

/** A key set cannot be used; the message says why. */
export class UnusableKeys extends Error {
  override readonly name = 'UnusableKeys';
}

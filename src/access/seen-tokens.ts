/**
 * What was found out about tokens, by the header that they came in: looked up in less than a microsecond. Bounded: those
 * that were not seen for the longest time are forgotten, and found out again when they come.
 *
 * A lookup compares texts only where their hashes under V8's secret seed agree, so that its time tells nothing about a
 * token that is partly guessed.
 */

import type { Grant } from './grant.ts';

/** Each of the two generations has at most so many characters of headers. */
const charactersMax = 2 * 1024 * 1024;
/** What an entry takes besides its text, in characters, roughly. */
const entryCharacters = 100;

export class SeenTokens {
  #young = new Map<string, Grant>();
  #old = new Map<string, Grant>();
  #characters = 0;

  get(header: string): Grant | undefined {
    const grant = this.#young.get(header);
    if (grant !== undefined) return grant;
    const kept = this.#old.get(header);
    if (kept !== undefined) this.add(header, kept);
    return kept;
  }

  add(header: string, grant: Grant): void {
    this.#characters += header.length + entryCharacters;
    if (this.#characters > charactersMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#characters = header.length + entryCharacters;
    }
    this.#young.set(header, grant);
  }
}

/** The comparison cannot be made, and what it measured so far means nothing. The message is for a person. */
export class BenchFailure extends Error {
  override readonly name = 'BenchFailure';
}

/** What an operator asked for cannot be done as things are; the message says why, or what is allowed. */
export class ChangeRefused extends Error {
  override readonly name = 'ChangeRefused';
}

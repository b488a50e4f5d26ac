/** Something is wrong that no restart mends. The message tells an operator what. */
export class CannotServe extends Error {
  override readonly name = 'CannotServe';
}

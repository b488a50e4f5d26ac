/** Who may come in now. What the primary announces takes its place, in order, while requests go on. */

import { type AccessRules, Gate } from './gate.ts';
import type { Grant } from './grant.ts';

export class AccessControl {
  #gate: Gate | undefined;
  #adopted: Promise<void> = Promise.resolve();

  /** Undefined while everybody may do everything. */
  get gate(): Gate | undefined {
    return this.#gate;
  }

  /** Resolves when it counts. @throws UnusableKeys */
  adopt(rules: AccessRules): Promise<void> {
    const adopt = async () => {
      this.#gate = rules.isLocked ? await Gate.of(rules) : undefined;
    };
    this.#adopted = this.#adopted.then(adopt);
    return this.#adopted;
  }

  /** Of what goes on for long: whether it still may. */
  isInForce(grant: Grant): boolean {
    return this.#gate?.vouchesFor(grant, Date.now()) ?? true;
  }
}

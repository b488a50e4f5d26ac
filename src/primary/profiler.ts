/** Has one process of the service, or the primary itself, write a profile of itself. */

import type { ProfileRequest } from '../admin/contract.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import { Deferred } from '../supervision/deferred.ts';
import type { ProfileReport } from '../supervision/messages.ts';
import { writeProfile } from '../supervision/profile-file.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor } from '../supervision/supervisor.ts';

const primary = 'primary';

export class Profiler {
  readonly #supervisor: Supervisor;
  /** By the name of the process: one at a time of each. */
  readonly #underWay = new Map<
    string,
    { readonly child: SupervisedChild | undefined; readonly done: Deferred<void> }
  >();

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** Resolves when the file is whole. @throws ChangeRefused */
  async take({ process, ...order }: ProfileRequest): Promise<void> {
    const child = process === primary ? undefined : this.#serving(process);
    if (this.#underWay.has(process))
      throw new ChangeRefused(`${process} is already being profiled. Wait until that ends.`);
    const done = new Deferred<void>();
    this.#underWay.set(process, { child, done });
    try {
      if (child === undefined) writeProfile(order).then(done.resolve, (error) => done.reject(refusal(error.message)));
      else child.send({ type: 'profile', ...order });
      await done.promise;
    } finally {
      this.#underWay.delete(process);
    }
  }

  onReport({ spec }: SupervisedChild, { failure }: ProfileReport): void {
    const done = this.#underWay.get(spec.name)?.done;
    if (failure === null) done?.resolve();
    else done?.reject(refusal(failure));
  }

  onDeath(child: SupervisedChild): void {
    const { name } = child.spec;
    const found = this.#underWay.get(name);
    if (found?.child === child) found.done.reject(new ChangeRefused(`${name} died meanwhile. Profile it again.`));
  }

  #serving(name: string): SupervisedChild {
    const { children } = this.#supervisor;
    const child = children.find(({ spec }) => spec.name === name);
    if (child === undefined) {
      const names = [primary, ...children.map(({ spec }) => spec.name)].join(', ');
      throw new ChangeRefused(`There is no process ${name}. The processes are ${names}.`);
    }
    if (child.state === 'ready') return child;
    throw new ChangeRefused(`${name} is ${child.state}. Profile it when it serves.`);
  }
}

function refusal(why: string): ChangeRefused {
  return new ChangeRefused(`${why}: name a new file in a directory where the user of the service may write.`);
}

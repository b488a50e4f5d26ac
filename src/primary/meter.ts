/** Asks every child that serves what it measures, and waits for none of them for long. */

import { labelled, type Measure } from '../metrics/measure.ts';
import type { Clock } from '../ports/clock.ts';
import { Deferred } from '../supervision/deferred.ts';
import type { MeasuresMessage } from '../supervision/messages.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor } from '../supervision/supervisor.ts';

/** Whoever takes longer hangs, and is left out: what its health told last says so. */
const answerDeadlineMs = 1_000;

type Question = { readonly id: number; readonly answer: Deferred<readonly Measure[]> };

export class Meter {
  readonly #supervisor: Supervisor;
  readonly #clock: Clock;
  readonly #open = new Map<SupervisedChild, Question>();
  #asked = 0;
  /** Whoever comes while children are asked gets the same answer. */
  #underWay: Promise<readonly Measure[]> | undefined;

  constructor(supervisor: Supervisor, clock: Clock) {
    this.#supervisor = supervisor;
    this.#clock = clock;
  }

  /** What all children say, each with its name as the label `process`. */
  measures(): Promise<readonly Measure[]> {
    this.#underWay ??= this.#askAll().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  onReport(child: SupervisedChild, { id, measures }: MeasuresMessage): void {
    if (this.#open.get(child)?.id === id) this.#settle(child, labelled(measures, { process: child.spec.name }));
  }

  onDeath(child: SupervisedChild): void {
    this.#settle(child, []);
  }

  async #askAll(): Promise<readonly Measure[]> {
    const id = ++this.#asked;
    const questions = this.#supervisor.children
      .filter(({ state }) => state === 'ready')
      .map((child) => {
        const answer = new Deferred<readonly Measure[]>();
        this.#open.set(child, { id, answer });
        child.send({ type: 'measure', id });
        return answer.promise;
      });
    const deadline = this.#clock.after(answerDeadlineMs, () => {
      for (const child of this.#open.keys()) this.#settle(child, []);
    });
    const answers = await Promise.all(questions);
    deadline.cancel();
    return answers.flat();
  }

  #settle(child: SupervisedChild, measures: readonly Measure[]): void {
    this.#open.get(child)?.answer.resolve(measures);
    this.#open.delete(child);
  }
}

/**
 * What happened in a run, line by line, told only when somebody listens: a seed that failed is run again for it.
 */

import type { Life } from './scheduler.ts';

export class Trace {
  readonly lines: string[] = [];
  readonly #isKept: boolean;
  step = 0;

  constructor(isKept: boolean) {
    this.#isKept = isKept;
  }

  note(life: Life | undefined, text: () => string): void {
    if (this.#isKept) this.lines.push(`${`${this.step}`.padStart(5)}  ${(life?.name ?? 'world').padEnd(12)} ${text()}`);
  }
}

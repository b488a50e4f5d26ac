/** Gathers the reads of one turn into one batch. What a batch cannot answer is asked by itself. */

import { runBatch } from './batch.ts';
import type { Entry } from './entry.ts';
import type { Key } from './key.ts';
import type { Sender } from './sender.ts';

/** As many as a batch may have. */
const keysMax = 1_000;

type Waiting = { readonly key: Key; readonly resolve: (entry: Promise<Entry | undefined>) => void };

export class GetBatcher {
  readonly #sender: Sender;
  readonly #askOne: (key: Key) => Promise<Entry | undefined>;
  #waiting: Waiting[] = [];

  constructor(sender: Sender, askOne: (key: Key) => Promise<Entry | undefined>) {
    this.#sender = sender;
    this.#askOne = askOne;
  }

  get(key: Key): Promise<Entry | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push({ key, resolve });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#leave());
      if (this.#waiting.length === keysMax) this.#leave();
    });
  }

  #leave(): void {
    const leaving = this.#waiting;
    this.#waiting = [];
    const [first] = leaving;
    if (first === undefined) return;
    if (leaving.length === 1) return first.resolve(this.#askOne(first.key));
    const operations = leaving.map(({ key }) => ({ op: 'get', key }) as const);
    // A batch is refused as a whole for one key that is none: each is then told what is wrong with its own.
    const results = runBatch(this.#sender, operations, {}).catch(() => undefined);
    for (const [index, waiting] of leaving.entries()) {
      const result = results.then((all) => all?.[index]);
      waiting.resolve(result.then((one) => (one?.ok && 'entry' in one ? one.entry : this.#askOne(waiting.key))));
    }
  }
}

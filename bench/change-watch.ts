/** A client that watches changes as server-sent events, and notes which keys it has heard of. */

export class ChangeWatch {
  readonly #keys = new Set<string>();
  readonly #stream = new AbortController();
  #onKeys = () => {};

  /** Resolves once nothing that is written from now on can be missed. */
  static async begin(url: string): Promise<ChangeWatch> {
    const watch = new ChangeWatch();
    const answer = await fetch(url, { signal: watch.#stream.signal });
    watch.#read(answer.body as AsyncIterable<Uint8Array>).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
    return watch;
  }

  /** How many keys it has heard of when it is all of them, or time is out. */
  async untilHeardOf(keys: number, deadlineMs: number): Promise<number> {
    const deadline = setTimeout(() => this.#stream.abort(), deadlineMs);
    while (this.#keys.size < keys && !this.#stream.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onKeys = resolve;
        this.#stream.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    clearTimeout(deadline);
    this.#stream.abort();
    return this.#keys.size;
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) {
        if (line.startsWith('data: ')) this.#keys.add((JSON.parse(line.slice(6)) as { key: string }).key);
      }
      this.#onKeys();
    }
  }
}

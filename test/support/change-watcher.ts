/** Watches the feed of changes as a browser would: when the stream ends it comes back with the id of the last event. */

export type Change = { readonly type: string; readonly key: string; readonly version: number };

export class ChangeWatcher {
  readonly changes: Change[] = [];
  /** How often the stream began. */
  streams = 0;
  /** Answers other than a stream. */
  readonly refusals: string[] = [];
  readonly #url: () => string;
  readonly #running: Promise<void>;
  #lastEventId: string;
  #abort = new AbortController();
  #isOver = false;

  constructor(url: () => string, { prefix = '', lastEventId = '' }: { prefix?: string; lastEventId?: string } = {}) {
    this.#url = url;
    this.#lastEventId = lastEventId;
    this.#running = this.#run(prefix);
  }

  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** Resolves once the first stream has begun, or has been refused. */
  async began(): Promise<void> {
    while (this.#lastEventId === '' && this.refusals.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Drops the connection; the watcher comes back. */
  drop(): void {
    this.#abort.abort();
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    this.#abort.abort();
    await this.#running;
  }

  async #run(prefix: string): Promise<void> {
    while (!this.#isOver) {
      this.#abort = new AbortController();
      try {
        await this.#watch(prefix);
      } catch {
        // The router died, or the connection was dropped.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #watch(prefix: string): Promise<void> {
    const answer = await fetch(`${this.#url()}/v1/changes?prefix=${encodeURIComponent(prefix)}`, {
      headers: { 'last-event-id': this.#lastEventId },
      signal: this.#abort.signal,
    });
    if (answer.status !== 200) {
      const text = await answer.text();
      if (answer.status < 500) this.refusals.push(text);
      return;
    }
    this.streams++;
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      rest += decoder.decode(chunk, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() as string;
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
    this.#lastEventId = fields.get('id') ?? this.#lastEventId;
    const data = fields.get('data');
    if (data === undefined) return;
    const { key, version } = JSON.parse(data) as { key: string; version: number };
    this.changes.push({ type: fields.get('event') as string, key, version });
  }
}

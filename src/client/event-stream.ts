/** Server-sent events, read from the pieces in which they arrive. Pure. */

export type StreamEvent = {
  readonly id: string | undefined;
  readonly type: string | undefined;
  /** Undefined where only the position has moved on. */
  readonly data: string | undefined;
};

export class EventStream {
  readonly #decoder = new TextDecoder();
  /** Of the event that is not complete. An event may be as large as a value, and is joined once. */
  #pieces: string[] = [];

  /** The events that are complete with this piece. */
  take(piece: Uint8Array): StreamEvent[] {
    const text = this.#decoder.decode(piece, { stream: true });
    const last = this.#pieces.at(-1) ?? '';
    if (text === '') return [];
    this.#pieces.push(text);
    if (!`${last.slice(-1)}${text}`.includes('\n\n')) return [];
    const blocks = this.#pieces.join('').split('\n\n');
    this.#pieces = [blocks.pop() as string];
    return blocks.map(eventOf);
  }
}

/** A line that begins with a colon is a comment: its name is empty. */
function eventOf(block: string): StreamEvent {
  const fields = new Map(
    block.split('\n').map((line): [string, string] => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    }),
  );
  return { id: fields.get('id'), type: fields.get('event'), data: fields.get('data') };
}

/** One connection that sends bytes as they are and takes answers apart, without an opinion of its own on either. */

import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
};

/** A stream of events has no end: its head is its answer. */
const endless = 'text/event-stream';
const answerDeadlineMs = 20_000;

export class RawClient {
  readonly #port: number;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #isClosed = true;
  #wake = () => {};

  constructor(port: number) {
    this.#port = port;
  }

  /**
   * @param isLast whether the client sends nothing more after it on this connection
   * @returns undefined when the connection was closed without an answer
   */
  async ask(bytes: Buffer, method: string, isLast: boolean): Promise<RawAnswer | undefined> {
    const socket = this.#connected();
    if (isLast) socket.end(bytes);
    else socket.write(bytes);
    const deadline = setTimeout(() => socket.destroy(new Error('no answer in time')), answerDeadlineMs);
    try {
      for (;;) {
        const answer = this.#takeAnswer(method);
        if (answer !== undefined) {
          const isOver =
            isLast || answer.headers.get('connection') === 'close' || answer.headers.get('content-type') === endless;
          if (isOver) this.close();
          return answer;
        }
        if (this.#isClosed) return undefined;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#isClosed = true;
  }

  #connected(): Socket {
    if (this.#socket !== undefined && !this.#isClosed) return this.#socket;
    const socket = connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    this.#isClosed = false;
    socket.on('data', (chunk) => {
      if (this.#socket !== socket) return;
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#isClosed = true;
      this.#wake();
    });
    return socket;
  }

  #takeAnswer(method: string): RawAnswer | undefined {
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd === -1) return undefined;
    const [statusLine = '', ...lines] = this.#received.toString('latin1', 0, headEnd).split('\r\n');
    const found = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine);
    if (found === null) throw new Error(`not a status line: ${statusLine}`);
    const status = Number(found[1]);
    const headers = new Map(
      lines.map((line) => [line.split(':', 1)[0]?.toLowerCase() ?? '', line.replace(/^[^:]*: */, '')]),
    );
    const bodyAt = headEnd + 4;
    if (status === 100) {
      this.#received = this.#received.subarray(bodyAt);
      return this.#takeAnswer(method);
    }
    const isBodiless = method === 'HEAD' || status === 204 || status === 304;
    const ended =
      isBodiless || headers.get('content-type') === endless
        ? { body: Buffer.alloc(0), end: bodyAt }
        : this.#bodyFrom(bodyAt, headers);
    if (ended === undefined) return undefined;
    this.#received = this.#received.subarray(ended.end);
    return { status, headers, body: ended.body };
  }

  #bodyFrom(at: number, headers: ReadonlyMap<string, string>): { body: Buffer; end: number } | undefined {
    if (headers.get('transfer-encoding') === 'chunked') return this.#chunksFrom(at);
    const length = Number(headers.get('content-length') ?? 0);
    if (this.#received.length < at + length) return undefined;
    return { body: this.#received.subarray(at, at + length), end: at + length };
  }

  #chunksFrom(start: number): { body: Buffer; end: number } | undefined {
    const chunks: Buffer[] = [];
    for (let at = start; ; ) {
      const lineEnd = this.#received.indexOf('\r\n', at);
      if (lineEnd === -1) return undefined;
      const size = Number.parseInt(this.#received.toString('latin1', at, lineEnd), 16);
      const end = lineEnd + 2 + size + 2;
      if (this.#received.length < end) return undefined;
      if (size === 0) return { body: Buffer.concat(chunks), end };
      chunks.push(this.#received.subarray(lineEnd + 2, end - 2));
      at = end;
    }
  }
}

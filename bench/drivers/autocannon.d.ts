/** The part of autocannon 8 that the benchmark uses: the package brings no types. */

declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  function autocannon(
    options: autocannon.Options,
    done: (error: Error | null, result: autocannon.Result) => void,
  ): autocannon.Run;

  namespace autocannon {
    type Client = { getRequestBuffer: () => Buffer | string };

    type Options = {
      readonly url: string;
      readonly connections: number;
      /** Seconds. */
      readonly duration: number;
      /** Milliseconds between looks at whether the time is over. */
      readonly sampleInt: number;
      /** Called with each connection before it connects. */
      readonly setupClient: (client: Client) => void;
    };

    type Result = {
      readonly '2xx': number;
      readonly non2xx: number;
      /** Broken connections and time-outs. */
      readonly errors: number;
    };

    type Run = EventEmitter<{ response: [client: Client, status: number, bytes: number, durationMs: number] }> & {
      readonly stop: () => void;
    };
  }

  export = autocannon;
}

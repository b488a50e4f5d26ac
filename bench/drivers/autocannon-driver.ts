/**
 * Drives with autocannon, for machines without wrk. It runs in this very process, as JavaScript, and takes about as
 * much CPU as a contestant: requests per second are then partly its own, CPU per request is not.
 */

import autocannon from 'autocannon';
import { LatencyHistogram } from '../../src/process/latency.ts';
import { BenchFailure } from '../failure.ts';
import { connections, keyCount, pathOfKey, requestText, valueText } from '../workload.ts';
import type { Drive, Driven, Driver } from './driver.ts';

const sampleIntervalMs = 50;

export class AutocannonDriver implements Driver {
  readonly name = 'autocannon';
  readonly caveat =
    'autocannon costs about as much CPU as what it measures: requests/s and latencies are partly its own, and wrk gives truer ones.';

  drive({ method, url, seconds, seed, signal }: Drive): Promise<Driven> {
    const { host } = new URL(url);
    const randomKey = randomIndexes(seed, keyCount);
    const latencies = new LatencyHistogram();
    let sequence = 0;
    const nextRequest = () => requestText(method, host, pathOfKey(randomKey()), valueText(seed, sequence++));

    return new Promise((resolve, reject) => {
      const startedAtMs = performance.now();
      const options = {
        url,
        connections,
        duration: seconds,
        sampleInt: sampleIntervalMs,
        // Its `setupRequest` would do, but parses and builds each request anew: that doubles autocannon's CPU.
        setupClient: (client: autocannon.Client) => {
          client.getRequestBuffer = nextRequest;
        },
      };
      const run = autocannon(options, (error, result) => {
        const durationMs = performance.now() - startedAtMs;
        signal.removeEventListener('abort', run.stop);
        const { '2xx': requests, non2xx, errors } = result;
        if (error !== null) return reject(error);
        if (signal.aborted) return reject(signal.reason);
        if (requests === 0 || sequence < requests || non2xx + errors > 0) {
          const failed = `${non2xx} were answered with an error and ${errors} broke off`;
          return reject(new BenchFailure(`${method} at ${url}: of ${requests + non2xx} requests, ${failed}.`));
        }
        const percentileMs = (percentile: number) => LatencyHistogram.percentileMs([latencies], percentile) ?? 0;
        resolve({ requests, durationMs, p50Ms: percentileMs(50), p99Ms: percentileMs(99) });
      });
      // Its own histogram knows whole milliseconds only.
      run.on('response', (_client, _status, _bytes, durationMs) => latencies.record(durationMs));
      signal.addEventListener('abort', run.stop, { once: true });
    });
  }
}

/** Uniform enough, seeded and cheap: xorshift32 by Marsaglia ("Xorshift RNGs", 2003). */
function randomIndexes(seed: number, count: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % count;
  };
}

/**
 * Who is compared: the service, one process without shards, and a bare HTTP server. This file knows how each is
 * started; what a process of a contestant is lies beside it.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { statusOfService } from '../../src/cli/admin-client.ts';
import type { BenchFailure } from '../failure.ts';
import { ContestantProcess } from './contestant-process.ts';

export type ContestantName = 'service' | 'single' | 'bare';

export const contestantTitles: Readonly<Record<ContestantName, string>> = {
  service: 'Shardlite, 1 router and 2 shards',
  single: 'one process, no shards',
  bare: 'bare node:http, a constant',
};

type Contestant = {
  readonly url: string;
  /** Of all its processes. */
  readonly pids: readonly number[];
};

export type Contestants = Readonly<Record<ContestantName, Contestant>>;

const shardctl = fileURLToPath(new URL('../../src/cli/shardctl.js', import.meta.url));
const singleProcess = fileURLToPath(new URL('./single-process.js', import.meta.url));
const bareHttp = fileURLToPath(new URL('./bare-http.js', import.meta.url));

const serviceArgs = 'start --port 0 --routers 1 --shards 2'.split(' ');

export type RunningContestants = {
  readonly contestants: Contestants;
  /** Of the first that ended by itself. */
  readonly death: () => BenchFailure | undefined;
  readonly stop: () => Promise<void>;
};

/**
 * Resolves when all of them serve.
 * @param directory on whose disk those with a store keep it
 * @throws BenchFailure when one does not
 */
export async function startContestants(directory: string): Promise<RunningContestants> {
  const started: ContestantProcess[] = [];
  const stop = async () => {
    await Promise.all(started.map((one) => one.stop()));
  };
  const start = async (args: readonly string[]) => {
    const one = new ContestantProcess(args);
    started.push(one);
    return { url: await one.ready(), pids: [one.pid] };
  };
  try {
    const serviceData = join(directory, 'service');
    const service = await start([shardctl, ...serviceArgs, '--data', serviceData]);
    const { processes } = await statusOfService(serviceData);
    const singleData = join(directory, 'single');
    mkdirSync(singleData);
    const contestants = {
      service: { ...service, pids: processes.map(({ pid }) => pid).filter((pid) => pid !== null) },
      single: await start([singleProcess, singleData]),
      bare: await start([bareHttp]),
    };
    const death = () => started.map((one) => one.death).find((one) => one !== undefined);
    return { contestants, death, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Every step of a move, killed and stopped: whoever dies, whenever, no client is told an error, no acknowledged
 * write is lost, none comes back, and the change is carried out in the end. Steps are named in
 * `process/failpoint.ts`'s callers.
 */

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askService } from '../../src/admin/admin-client.ts';
import { slotOf } from '../../src/partition/slot.ts';
import type { TopologyChange } from '../../src/rebalance/topology-change.ts';
import { processState } from '../support/process-state.ts';
import { RecordingClients } from '../support/recording-clients.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const shardSteps = [
  ...['prepare', 'copy', 'finish', 'release'].map((command) => `target:${command}`),
  ...['track', 'freeze', 'release'].map((command) => `source:${command}`),
  ...['page', 'changes', 'rest'].map((reply) => `target:${reply}`),
].flatMap((step) => [`${step}:before`, `${step}:after`]);
/** Where a move touches a router: the ring comes, a request is held, released, taken back from the old owner. */
const routerSteps = ['ring', 'hold', 'release', 'take-back'].flatMap((step) => [
  `router:${step}:before`,
  `router:${step}:after`,
]);
const sourceReplies = ['page', 'changes', 'rest'].map((kind) => `source:${kind}:before`);
const primarySteps = [
  'ask-prepare',
  'ask-track',
  'ask-copy',
  'ask-freeze',
  'ask-finish',
  'commit',
  'announce',
  'record-done',
].map((step) => `primary:${step}:before`);

/** Alternately to and fro: some four hundred slots each time, one batch. */
const weights = [
  [
    [1, 10],
    [2, 11],
  ],
  [
    [1, 1],
    [2, 1],
  ],
];

const serviceArgs = ['--shards', '2', '--routers', '1', '--healthy-after-ms', '100'];

class FailpointFile {
  readonly path = join(temporaryDirectory(), 'failpoint');

  arm(step: string, signal: NodeJS.Signals): void {
    rmSync(`${this.path}.taken`, { force: true });
    writeFileSync(this.path, `${step} ${signal}`);
  }

  get wasTaken(): boolean {
    return existsSync(`${this.path}.taken`);
  }
}

/** Keys of the slots that move to and fro, so that there is always somebody whose request must be held. */
function keysThatMove(count: number): string[] {
  const moves = (slot: number) => (slot >= 7_802 && slot < 8_192) || slot >= 15_994;
  const keys: string[] = [];
  for (let n = 0; keys.length < count; n++) if (moves(slotOf(Buffer.from(`moving-${n}`)))) keys.push(`moving-${n}`);
  return keys;
}

function clientsOf(url: string): RecordingClients {
  return new RecordingClients({
    url,
    clients: 16,
    keysOf: (index) => Array.from({ length: 40 }, (_, key) => `client${index}-${key}`),
  });
}

async function rebalance(service: TestService, turn: number): Promise<number> {
  const request = { kind: 'rebalance', weights: weights[turn % 2] };
  const { status, body } = await askService(service.data, 'POST', '/v1/changes', request);
  expect(status, JSON.stringify(body)).toBe(202);
  return (body as { id: number }).id;
}

async function changeDone(data: string, id: number, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
  for (;;) {
    const changes = (await askService(data, 'GET', '/v1/changes')).body as TopologyChange[];
    const change = changes.find((one) => one.id === id);
    if (change?.state === 'done') return;
    if (change?.state === 'aborted') throw new Error(`change ${id} was aborted: ${change.reason}`);
    await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Lets a stopped process go on after a while. */
async function continueStopped(service: TestService): Promise<void> {
  for (const { pid } of (await service.status()).processes) {
    if (pid === null || processState(pid) !== 'stopped') continue;
    await new Promise((resolve) => setTimeout(resolve, 200));
    process.kill(pid, 'SIGCONT');
  }
}

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  '%s of source or target at any step of a move hurts nobody',
  { timeout: 180_000 },
  async (signal) => {
    const failpoint = new FailpointFile();
    const service = await startService({
      data: temporaryDirectory(),
      args: serviceArgs,
      env: { SHARDLITE_FAILPOINT_FILE: failpoint.path },
    });
    const clients = clientsOf(service.url);
    await clients.acknowledges(500);

    const missed: string[] = [];
    for (const [turn, step] of [...shardSteps, ...sourceReplies].entries()) {
      failpoint.arm(step, signal);
      const change = await rebalance(service, turn);
      await changeDone(service.data, change, () => continueStopped(service));
      // What comes after the change is done may be a moment later.
      for (let wait = 0; wait < 2_000 && !failpoint.wasTaken; wait++)
        await new Promise((resolve) => setTimeout(resolve, 5));
      if (!failpoint.wasTaken) missed.push(step);
      await continueStopped(service);
      await clients.acknowledges(50);
    }
    await clients.finish();

    // A process that was only stopped has no reason to die.
    const deaths = service.said.filter((line) => line.includes(' died (') || line.includes('"level":60'));
    if (signal === 'SIGSTOP') expect(deaths.slice(0, 2)).toEqual([]);
    expect(missed).toEqual([]);
    expect(clients.failures).toEqual([]);
    expect((await clients.verify(service.url)).mistakes).toEqual([]);
  },
);

/** What must be taken back happened to be on its way to the old owner just then: not in every move. */
const turnsMax = 30;

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  '%s of a router at any step at which a move touches it: no answer is wrong, no acknowledged write lost',
  { timeout: 180_000 },
  async (signal) => {
    const failpoint = new FailpointFile();
    const service = await startService({
      data: temporaryDirectory(),
      args: ['--shards', '2', '--routers', '2', '--healthy-after-ms', '100'],
      env: { SHARDLITE_FAILPOINT_FILE: failpoint.path },
    });
    const keys = keysThatMove(640);
    const clients = new RecordingClients({
      url: service.url,
      clients: 16,
      keysOf: (index) => keys.slice(index * 40, (index + 1) * 40),
    });
    await clients.acknowledges(500);

    const missed: string[] = [];
    let turn = 0;
    for (const step of routerSteps) {
      failpoint.arm(step, signal);
      const lastTurn = turn + turnsMax;
      while (turn < lastTurn && !failpoint.wasTaken) {
        await changeDone(service.data, await rebalance(service, turn++), () => continueStopped(service));
      }
      if (!failpoint.wasTaken) missed.push(step);
      await continueStopped(service);
      for (const router of ['router-1', 'router-2']) await service.until(router, ({ state }) => state === 'ready');
      await clients.acknowledges(50);
    }
    await clients.finish();

    expect(missed).toEqual([]);
    // Connections to a router that is killed break; nobody is told an error, and a stopped one only lets wait.
    expect(clients.failures.filter((failure) => signal === 'SIGSTOP' || /^\d/.test(failure))).toEqual([]);
    expect((await clients.verify(service.url)).mistakes).toEqual([]);
    expect((await shardctl(['verify', '--data', service.data])).code).toBe(0);
  },
);

test('SIGKILL of the primary at any step of a move: the next start has every acknowledged write and carries the change out', {
  timeout: 180_000,
}, async () => {
  const data = temporaryDirectory();
  const failpoint = new FailpointFile();
  const env = { SHARDLITE_FAILPOINT_FILE: failpoint.path };
  for (const [turn, step] of primarySteps.entries()) {
    const service = await startService({ data, args: serviceArgs, env });
    const clients = clientsOf(service.url);
    await clients.acknowledges(300);
    failpoint.arm(step, 'SIGKILL');
    const change = await rebalance(service, turn);
    await service.ended;
    await clients.finish();

    const next = await startService({ data, args: ['--routers', '1'], env });
    await changeDone(data, change);
    expect((await clients.verify(next.url)).mistakes, step).toEqual([]);
    await next.end('SIGTERM');
  }
});

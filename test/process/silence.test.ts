/** Processes that are stopped, not dead: whoever still runs notices within a moment, and says so. */

import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Asks over one connection, which stays open. */
function readinessOf({ url }: TestService): () => Promise<unknown> {
  const connection = new Agent({ connections: 1 });
  onTestFinished(() => connection.destroy());
  return async () => {
    const { statusCode, body } = await connection.request({ origin: url, path: '/readyz', method: 'GET' });
    return [statusCode, await body.json()];
  };
}

const standing = { status: 'degraded', failedShards: [], silentShards: [], primary: 'alive' };
const saysOf = ({ said }: TestService) => said.map((line) => (JSON.parse(line) as { msg: string }).msg);

test('a shard that is stopped is told as silent by /readyz, status and the log, until it goes on', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const readiness = readinessOf(service);
  const shard = await service.until('shard-1', ({ state }) => state === 'ready');
  onTestFinished(() => void process.kill(shard.pid as number, 'SIGCONT'));
  await service.kill('shard-1', 'SIGSTOP');
  const sinceStopped = new Stopwatch();

  await service.until('shard-1', ({ state }) => state === 'silent');
  expect(sinceStopped.stop()).toBeLessThan(3_000);
  await expect.poll(readiness).toEqual([200, { ...standing, silentShards: [1] }]);
  expect((await service.status()).state).toBe('degraded');
  expect((await shardctl(['status', '--data', service.data])).stdout).toMatch(
    /^Shardlite \S+ degraded at .*\nshard-1 does not answer: requests for its 8,192 slots \(50\.0 %\) wait$/m,
  );

  process.kill(shard.pid as number, 'SIGCONT');
  await service.until('shard-1', ({ state }) => state === 'ready');
  await expect.poll(readiness).toEqual([200, { ...standing, status: 'ready' }]);
  expect((await service.processStatus('shard-1')).pid).toBe(shard.pid);
  expect(saysOf(service)).toEqual(expect.arrayContaining(['shard-1 does not answer', 'shard-1 answers again']));
});

test('a shard that stays stopped is killed after 15 s, which the log tells from any other death', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  await service.until('shard-1', ({ state }) => state === 'ready');
  await service.kill('shard-1', 'SIGSTOP');
  await service.until('shard-1', ({ state, restarts }) => state === 'ready' && restarts === 1);
  expect(saysOf(service)).toContain('shard-1 was killed by the primary: it did not respond for 15 s');
  await service.kill('shard-2');
  await service.until('shard-2', ({ state, restarts }) => state === 'ready' && restarts === 1);
  expect(saysOf(service)).toContain('shard-2 died (SIGKILL)');
});

test('while the primary is stopped its children say so, and serve over the connections that are open', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const readiness = readinessOf(service);
  await expect.poll(readiness).toEqual([200, { ...standing, status: 'ready' }]);
  process.kill(service.pid, 'SIGSTOP');
  const asked = shardctl(['status', '--data', service.data]);
  await expect.poll(readiness).toEqual([200, { ...standing, primary: 'silent' }]);
  expect(await asked).toMatchObject({
    code: 3,
    stderr: `shardctl: The service of ${service.data} has not answered for 10 s. Is its primary stopped? \`kill -CONT\` lets it go on.\n`,
  });
  process.kill(service.pid, 'SIGCONT');
  await expect.poll(readiness).toEqual([200, { ...standing, status: 'ready' }]);
  await expect
    .poll(() => saysOf(service))
    .toEqual(
      expect.arrayContaining([
        'the primary does not answer: new connections wait, and processes that die are not restarted',
        'the primary answers again',
      ]),
    );
  // Nobody was taken for dead meanwhile.
  expect((await service.status()).processes.map(({ restarts }) => restarts)).toEqual([0, 0, 0, 0]);
});

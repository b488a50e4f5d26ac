/** `shardctl` changing the topology: what it shows, asks, refuses, and how a running change is steered. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { askService } from '../../src/admin/admin-client.ts';
import { command } from '../support/command.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function serviceWithKeys(keys: number): Promise<TestService> {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const pool = new Pool(service.url, { connections: 32 });
  let next = 0;
  const writer = async () => {
    for (let key = next++; key < keys; key = next++) {
      const { body } = await pool.request({
        method: 'PUT',
        path: `/v1/kv/key-${key}`,
        body: `value ${key} `.repeat(10),
      });
      await body.dump();
    }
  };
  await Promise.all(Array.from({ length: 32 }, writer));
  await pool.destroy();
  return service;
}

async function slotsOf(service: TestService): Promise<(number | null)[]> {
  return (await service.status()).processes.filter(({ role }) => role === 'shard').map(({ slots }) => slots);
}

test('a plan is shown, written, applied while it holds, and refused once the ring has changed', async () => {
  const service = await serviceWithKeys(500);
  const { data } = service;
  await service.until('shard-2', ({ keys }) => (keys ?? 0) > 100);
  const file = join(data, 'plan.json');

  const planned = await shardctl(['plan', 'add-shard', '--out', file, '--data', data]);
  expect(planned.code).toBe(0);
  expect(planned.stdout).toMatch(/^shard-1 +8,192 → 5,462 /m);
  expect(planned.stdout).toMatch(/^shard-2 +8,192 → 5,461 /m);
  expect(planned.stdout).toMatch(/^shard-3 +0 → 5,461 +0 → \d+/m);
  expect(planned.stdout).toMatch(/^moves +5,461 slots, about \d+ keys/m);
  expect(await slotsOf(service)).toEqual([8_192, 8_192]);

  expect((await shardctl(['add-shard', '--dry-run', '--data', data])).code).toBe(0);
  expect((await slotsOf(service)).length).toBe(2);
  expect((await shardctl(['apply', file, '--yes', '--data', data])).code).toBe(0);
  expect(await slotsOf(service)).toEqual([5_462, 5_461, 5_461]);

  for (const option of ['--yes', '--dry-run']) {
    const stale = await shardctl(['apply', file, option, '--data', data]);
    expect([stale.code, stale.stdout]).toEqual([1, '']);
    expect(stale.stderr).toMatch(/The plan is for epoch 1, but the ring is at epoch \d+\. Plan again\./);
  }
});

test('a plan that was made before another change was asked for is refused, though nothing has moved yet', async () => {
  const service = await serviceWithKeys(100);
  const { data } = service;
  const file = join(data, 'plan.json');
  expect((await shardctl(['plan', 'add-shard', '--out', file, '--data', data])).code).toBe(0);
  // It takes part in the move and does nothing: the ring stays at its epoch.
  const { pid } = await service.processStatus('shard-2');
  process.kill(pid as number, 'SIGSTOP');
  // A process that is stopped does not see its primary end.
  onTestFinished(() => void process.kill(pid as number, 'SIGCONT'));
  const other = await askService(data, 'POST', '/v1/changes', { kind: 'rebalance', weights: [[1, 3]] });
  expect(other.status).toBe(202);
  for (const option of ['--yes', '--dry-run']) {
    expect(await shardctl(['apply', file, option, '--data', data])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'shardctl: The plan is older than change 1. Plan again.\n',
    });
  }
  expect((await service.status()).ring.epoch).toBe(1);
  // A plan made since then builds on it.
  expect((await shardctl(['plan', 'add-shard', '--out', file, '--data', data])).code).toBe(0);
  expect((await shardctl(['apply', file, '--dry-run', '--data', data])).code).toBe(0);
});

test('what cannot be done is refused in a sentence, and nothing changes', async () => {
  const service = await serviceWithKeys(10);
  const { data } = service;
  const run = (...args: string[]) => shardctl([...args, '--data', data]);
  expect(await run('add-shard')).toMatchObject({ code: 2, stderr: expect.stringContaining('Use --yes to go ahead') });
  expect(await run('remove-shard', '9', '--yes')).toMatchObject({
    code: 1,
    stderr: 'shardctl: There is no shard 9. The shards are 1, 2.\n',
  });
  expect(await run('remove-shard', 'x', '--yes')).toMatchObject({ code: 2 });
  expect(await run('add-shard', '--weight', '0', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--weight is 0'),
  });
  expect(await run('rebalance', '--weight', '7=1', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no shard 7'),
  });
  expect(await run('rebalance', '--yes')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Nothing has to move'),
  });
  expect((await run('remove-shard', '1', '--yes')).code).toBe(0);
  expect(await run('remove-shard', '2', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The last shard cannot be removed'),
  });
  expect(await run('abort')).toMatchObject({
    code: 1,
    stderr: 'shardctl: No topology change is running. `shardctl moves` lists them.\n',
  });
  expect(await slotsOf(service)).toEqual([16_384]);
  expect(existsSync(join(data, 'shard-1.sqlite'))).toBe(false);
  expect((await run('verify')).code).toBe(0);
});

const weightForm = 'but must be ID=W, such as 2=3: two whole numbers.';

test.each([
  [['rebalance', '--weight', '1=1=2'], `--weight is "1=1=2", ${weightForm}`],
  [['rebalance', '--weight', 'foo=2'], `--weight is "foo=2", ${weightForm}`],
  [['rebalance', '--weight', '1='], `--weight is "1=", ${weightForm}`],
  [['rebalance', '--weight', '1=2', '1=3'], '--weight names shard 1 twice.'],
  [['plan', 'rebalance', '--weight', '1'], `--weight is "1", ${weightForm}`],
  [['plan', 'rebalance', '--count', '2'], '--count is for add-shard.'],
  [['plan', 'remove-shard', '1', '--weight', '2'], '--weight is for add-shard and rebalance.'],
  [['plan', 'add-shard', '2'], 'Only remove-shard takes a shard. Leave out "2".'],
  [['plan', 'add-shard', '--weight', '2', '3'], '--weight is one number here: all new shards get it.'],
  [['add-shard', '--weight', '2=3'], '--weight is "2=3", but must be a whole number.'],
  [['remove-shard', 'x'], 'ID is "x", but must be a whole number.'],
  [
    ['apply', '/dev/null'],
    '/dev/null is not a plan (/dev/null is not a regular file). `shardctl plan CHANGE --out FILE` saves one.',
  ],
])('the change %j is wrong usage, and nobody is asked to make it', async (args, sentence) => {
  // Without a service: the arguments alone are wrong.
  const { code, stderr } = await command([...args, '--data', temporaryDirectory()]);
  expect([code, stderr]).toEqual([2, `shardctl: ${sentence}\n`]);
});

test('weights decide the shares, and a new shard may have its own', async () => {
  const service = await serviceWithKeys(100);
  const { data } = service;
  expect((await shardctl(['rebalance', '--weight', '1=3', '--yes', '--data', data])).code).toBe(0);
  expect(await slotsOf(service)).toEqual([12_288, 4_096]);
  expect((await shardctl(['add-shard', '--weight', '4', '--count', '1', '--yes', '--data', data])).code).toBe(0);
  expect(await slotsOf(service)).toEqual([6_144, 2_048, 8_192]);
});

test('pausing needs a change to pause: with none it is refused, and the next change is not held up', async () => {
  const service = await serviceWithKeys(100);
  const { data } = service;
  expect(await shardctl(['pause', '--data', data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no topology change to pause.'),
  });
  expect((await shardctl(['resume', '--data', data])).stderr).toContain('No topology change is paused.');
  expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
});

test('a running change can be slowed, paused, resumed and undone; a second one queues behind it', async () => {
  const service = await serviceWithKeys(20_000);
  const { data } = service;
  await service.until('shard-2', ({ keys }) => (keys ?? 0) > 9_000);
  expect((await shardctl(['throttle', '--rows-per-s', '2000', '--data', data])).stdout).toContain(
    'at most 2000 rows per second',
  );

  const first = shardctl(['add-shard', '--yes', '--json', '--data', data]);
  await service.until('shard-3', ({ slots }) => (slots ?? 0) > 0);
  expect((await shardctl(['pause', '--data', data])).code).toBe(0);
  const { epoch } = (await service.status()).ring;
  const second = shardctl(['rebalance', '--weight', '1=2', '--yes', '--data', data]);
  const moves = async () => (await shardctl(['moves', '--data', data])).stdout;
  await expect.poll(moves).toMatch(/^ +2 +rebalance +queued/m);
  expect(await moves()).toMatch(/^ +1 +add-shard +paused/m);
  expect(await moves()).toMatch(/^paused /m);

  // Without clients and throttle the rest would be through in the time that two more commands take.
  expect((await shardctl(['throttle', '--data', data])).code).toBe(0);
  expect(await moves()).toMatch(/^paused /m);
  expect((await service.status()).ring.epoch, 'only the batch under way is committed').toBeLessThanOrEqual(epoch + 1);
  expect((await slotsOf(service))[2]).toBeLessThan(5_461);
  expect((await shardctl(['abort', '--data', data])).code).toBe(0);
  const undone = await first;
  expect(undone.code).toBe(1);
  expect(undone.stderr).toContain(
    'The change was rolled back: an operator aborted it. The service is as before. Fix the cause and try again.',
  );
  expect(
    undone.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event),
  ).toContain('progress');

  expect(await slotsOf(service)).toHaveLength(2);
  expect(await second).toMatchObject({ code: 0, stdout: expect.stringContaining('Queued behind 1 other change.') });
  expect((await second).stdout).toContain(
    'This change waits for change 1, which is paused. `shardctl resume` continues it.',
  );
  const verified = await shardctl(['verify', '--json', '--data', data]);
  expect((JSON.parse(verified.stdout) as { keys: number }).keys).toBe(20_000);
});

test('a paused change is told by status and moves without a rate, also after a restart; the log has its begin, pauses and end', async () => {
  const service = await serviceWithKeys(20_000);
  const { data } = service;
  await service.until('shard-2', ({ keys }) => (keys ?? 0) > 9_000);
  await shardctl(['throttle', '--rows-per-s', '2000', '--data', data]);
  const adding = shardctl(['add-shard', '--yes', '--data', data]);
  await service.until('shard-3', ({ slots }) => (slots ?? 0) > 0);
  expect((await shardctl(['pause', '--data', data])).code).toBe(0);
  const isAtRest = async () => (await service.status()).moves.running?.rowsPerS === null;
  await expect.poll(isAtRest).toBe(true);
  expect((await shardctl(['status', '--data', data])).stdout).toMatch(
    /^change 1 \(add-shard\) {2}paused +\d+ % {2}until shardctl resume/m,
  );
  await service.end('SIGTERM');
  await adding;
  expect(said(service)).toEqual(
    expect.arrayContaining(['change 1 (add-shard) begins', 'change 1 (add-shard) is paused']),
  );

  const second = await startService({ data });
  expect((await shardctl(['moves', '--data', data])).stdout).toMatch(/^ +1 +add-shard +paused/m);
  expect((await shardctl(['status', '--data', data])).stdout).toMatch(
    /^change 1 \(add-shard\) is paused: shardctl resume continues it$/m,
  );
  expect((await shardctl(['resume', '--data', data])).code).toBe(0);
  await expect.poll(async () => (await second.status()).moves.open).toEqual([]);
  expect(said(second)).toEqual(
    expect.arrayContaining(['change 1 (add-shard) goes on', 'change 1 (add-shard) is done']),
  );
});

function said(service: TestService): string[] {
  return service.said.map((line) => (JSON.parse(line) as { msg: string }).msg);
}

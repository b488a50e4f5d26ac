/** A write whose answer was lost on the way is sent again, and applied once. */

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { routerHelloFrame } from '../../src/wire/frame.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { ask, linkTo, startShard } from '../support/in-process-shards.ts';
import { get, put, remove } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('a write whose answer was lost is answered from the ledger: same version, applied once', async () => {
  const shard = await startShard(1);
  const proxy = new CuttingProxy();
  await proxy.start(shard.address.socketPath as string);
  const link = linkTo(1);
  link.serveAt(proxy.socketPath);
  expect(await ask(link, put('key', 'first'))).toEqual({ kind: 'created', version: 1 });

  proxy.cutAtAnswer();
  expect(await ask(link, put('key', 'second'))).toEqual({ kind: 'replaced', version: 2 });

  expect(proxy.connections).toBe(2);
  expect(shard.file.counters.lsn).toBe(2);
});

test('a delete whose answer was lost does not delete what another client wrote meanwhile', async () => {
  const shard = await startShard(1);
  const proxy = new CuttingProxy();
  await proxy.start(shard.address.socketPath as string);
  const slow = linkTo(1);
  slow.serveAt(proxy.socketPath);
  const direct = linkTo(1);
  direct.serveAt(shard.address.socketPath as string);
  await ask(slow, put('key', 'old'));

  proxy.cutAtAnswer();
  const deleted = ask(slow, remove('key'));
  while (shard.file.counters.keys > 0) await new Promise(setImmediate);
  await ask(direct, put('key', 'new'));

  expect(await deleted).toEqual({ kind: 'deleted', version: 2 });
  expect(await ask(direct, get('key'))).toMatchObject({ kind: 'value', value: Buffer.from('new') });
});

test('what an older connection of the same router still carries is not executed once a newer one has said hello', async () => {
  const shard = await startShard(1);
  const sockets = [0, 1].map(() => connect(shard.address.socketPath as string));
  const closed = new Promise((resolve) => sockets[0]?.on('close', resolve));
  const hello = routerHelloFrame(randomBytes(8));
  for (const socket of sockets) {
    socket.write(hello);
    await new Promise((resolve) => socket.once('data', resolve));
  }
  await closed;
  expect(sockets[1]?.destroyed).toBe(false);
  sockets[1]?.destroy();
});

test('requests that came while the shard was away are answered once it serves', async () => {
  const link = linkTo(1);
  const outcomes = Promise.all([ask(link, put('key', 'early')), ask(link, get('key'))]);
  const shard = await startShard(1);
  link.serveAt(shard.address.socketPath as string);
  expect(await outcomes).toMatchObject([{ kind: 'created' }, { kind: 'value', value: Buffer.from('early') }]);
});

test('what waits for a shard is bounded: more is refused as overloaded, and nothing else is lost', async () => {
  const link = linkTo(1, { limits: { countMax: 2 } });
  const accepted = [ask(link, put('a', '1')), ask(link, put('b', '2'))];
  expect(await ask(link, put('c', '3'))).toMatchObject({ kind: 'failed', code: 'overloaded' });
  const shard = await startShard(1);
  link.serveAt(shard.address.socketPath as string);
  expect((await Promise.all(accepted)).map(({ kind }) => kind)).toEqual(['created', 'created']);

  const small = linkTo(1, { limits: { bytesMax: 1_000 } });
  expect(await ask(small, put('big', 'x'.repeat(1_000)))).toMatchObject({ kind: 'failed', code: 'overloaded' });
});

test('a request that was never sent is refused as unavailable, one that may have run as unknown', async () => {
  const link = linkTo(1, { limits: { deadlineMs: 100 } });
  expect(await ask(link, put('key', 'unsent'))).toMatchObject({ kind: 'failed', code: 'shard-unavailable' });

  const shard = await startShard(1);
  const proxy = new CuttingProxy();
  await proxy.start(shard.address.socketPath as string);
  link.serveAt(proxy.socketPath);
  await ask(link, get('key'));
  proxy.cutAtAnswer();
  const lost = ask(link, put('key', 'sent'));
  while (shard.file.counters.lsn === 0) await new Promise(setImmediate);
  link.wait();
  expect(await lost).toMatchObject({ kind: 'failed', code: 'outcome-unknown' });
});

test('a resend from before the oldest ledger row is answered unknown, never applied twice', () => {
  const file = new ShardFile(join(temporaryDirectory(), 'shard.sqlite'), { service: 'test', shard: 1 });
  onTestFinished(() => file.close());
  const opId = randomBytes(16);
  const write = (resent: boolean) =>
    file.execute([{ operation: put('key', 'once'), resend: { opId, resent, seenLsn: 0 } }])[0];
  const first = write(false);
  expect(write(true)).toEqual(first);

  // More commits and more writes than the ledger keeps.
  for (let commit = 0; commit < 5_000; commit++) {
    file.execute(Array.from({ length: 25 }, (_, index) => ({ operation: put('other', `${commit}/${index}`) })));
  }
  const { lsn } = file.counters;
  expect(write(true)).toMatchObject({ kind: 'failed', code: 'outcome-unknown' });
  expect(file.counters.lsn).toBe(lsn);
});

/** `shardctl profile`: of living processes, which go on serving. */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Inodes of the TCP sockets on which this process listens. */
function listening(pid: number): string[] {
  const open = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
  const lines = ['tcp', 'tcp6'].flatMap((table) => readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1));
  const listens = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === '0A');
  return listens.map((columns) => columns[9] as string).filter((inode) => open.includes(`socket:[${inode}]`));
}

/** Requests one after the other until it is stopped; resolves with the statuses that were none of success. */
function serving({ url }: TestService): () => Promise<number[]> {
  let isOver = false;
  const asked = (async () => {
    const failed: number[] = [];
    for (let at = 0; !isOver; at++) {
      const { status } = await fetch(`${url}/v1/kv/key${at % 100}`, { method: 'PUT', body: 'value' });
      if (status >= 300) failed.push(status);
    }
    return failed;
  })();
  return () => {
    isOver = true;
    return asked;
  };
}

test('a profile of a shard, a router and the primary is a file for its user alone, while clients are served and no port is opened', async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '1', '--routers', '1'] });
  const profile = (...args: string[]) => shardctl(['profile', ...args, '--data', data]);
  const stop = serving(service);
  const { pid } = await service.processStatus('shard-1');
  const before = listening(pid as number);

  const asked = ['shard-1', 'primary', 'router-1'].map((name) => join(data, `${name}.cpuprofile`));
  const [shard, main, router] = asked as [string, string, string];
  const taking = Promise.all([
    profile('shard-1', '--seconds', '2', '--out', shard),
    profile('primary', '--seconds', '1', '--out', main),
    profile('router-1', '--seconds', '1', '--out', router),
  ]);
  let isOver = false;
  void taking.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    expect(listening(pid as number)).toEqual(before);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const { code, stdout } of await taking) {
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/\.cpuprofile has [12] s of \S+, .+iB: load it in the tab/),
    ]);
  }
  for (const file of asked) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { nodes, samples, startTime, endTime } = JSON.parse(readFileSync(file, 'utf8'));
    // Of a primary that had nothing to do: the root, the program, and that it was idle.
    expect(nodes.length).toBeGreaterThanOrEqual(3);
    expect(samples.length).toBeGreaterThan(10);
    expect(endTime - startTime).toBeGreaterThan(900_000);
  }
  // What a shard does all day is in it.
  expect(readFileSync(shard, 'utf8')).toContain('sqlite/shard-file.js');

  const heap = join(data, 'shard-1.heapsnapshot');
  expect(await profile('shard-1', '--heap', '--out', heap)).toMatchObject({ code: 0 });
  expect(statSync(heap).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(heap, 'utf8')).snapshot.node_count).toBeGreaterThan(1_000);

  expect(await profile('shard-1', '--heap', '--out', heap)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /EEXIST: .*: name a new file in a directory where the user of the service may write\.\n$/,
    ),
  });
  expect(await profile('shard-7')).toMatchObject({
    code: 1,
    stderr: 'shardctl: There is no process shard-7. The processes are primary, router-1, shard-1.\n',
  });
  expect(await stop()).toEqual([]);
});

test.each([
  [['--seconds', '0'], '--seconds is "0", but must be a whole number from 1 to 600.'],
  [['--seconds', '5', '--heap'], 'Use --seconds for a CPU profile or --heap for a heap snapshot, not both.'],
])('wrong usage of profile %j exits 2 and says what is allowed', async (args, sentence) => {
  expect(await command(['profile', 'shard-1', ...args])).toMatchObject({ code: 2, stderr: `shardctl: ${sentence}\n` });
});

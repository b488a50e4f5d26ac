/** A service of this version on a data directory that an older version made. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { copyOfFixture } from '../fixtures/fixture.ts';
import { ChangeWatcher } from '../support/change-watcher.ts';
import { shardctl, startService } from '../support/service.ts';

async function entriesOf(url: string): Promise<unknown[]> {
  const listing = await fetch(`${url}/v1/kv?values=true`, { headers: { accept: 'application/x-ndjson' } });
  const lines = (await listing.text()).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

test.each([
  ['partitioned', 3, '1:0,2:0;2'],
  ['single', 1, '1:0;1'],
] as const)(
  'what an older %s service held is all there, and the feed goes back as far',
  async (name, shards, begin) => {
    const { data, contents } = copyOfFixture(name);
    const service = await startService({ data });
    expect(await entriesOf(service.url)).toEqual(contents.entries);
    expect(await (await fetch(`${service.url}/v1/topology`)).json()).toMatchObject(
      name === 'partitioned' ? contents.topology : {},
    );

    const watcher = new ChangeWatcher(() => service.url, { lastEventId: begin });
    onTestFinished(() => watcher.finish());
    const isHeardOf = ({ key, version }: (typeof contents.entries)[number]) =>
      watcher.changes.some((change) => change.key === key && change.version === version && change.type === 'put');
    while (!contents.entries.every(isHeardOf)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(watcher.refusals).toEqual([]);

    const written = await fetch(`${service.url}/v1/kv/text%2F3`, { method: 'PUT', body: 'value' });
    expect(written.ok).toBe(true);
    await service.end('SIGTERM');
    expect(JSON.parse((await shardctl(['verify', '--json', '--data', data])).stdout)).toMatchObject({ isSound: true });
    expect(service.said.join('')).toContain('is upgraded from version 2 to version 3; the old file is kept as');
    for (let shard = 1; shard <= shards; shard++) {
      expect(existsSync(join(data, `shard-${shard}.sqlite.version-2`))).toBe(true);
    }

    // Nothing is left to upgrade.
    const again = await startService({ data });
    expect(again.said.join('')).not.toContain('is upgraded from version');
    expect(await entriesOf(again.url)).toHaveLength(contents.entries.length + (name === 'partitioned' ? 1 : 0));
  },
);

test('--upgrade-copies none keeps no copy', async () => {
  const { data } = copyOfFixture('single');
  await startService({ data, args: ['--upgrade-copies', 'none'] });
  expect(existsSync(join(data, 'shard-1.sqlite.version-2'))).toBe(false);
  expect(existsSync(join(data, 'meta.sqlite.version-3'))).toBe(false);
});

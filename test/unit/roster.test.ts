/** What a new process is told: every setting that a reload adopts, as it is then. */

import { expect, test } from 'vitest';
import { DataDirectory } from '../../src/config/data-directory.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { type ServiceConfig, settingNames, settings } from '../../src/config/service-config.ts';
import { forksOf, heapLimitOf } from '../../src/primary/forks.ts';
import { rosterOf } from '../../src/primary/roster.ts';
import type { Topology } from '../../src/supervision/messages.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Another value than the default. */
const others: Partial<ServiceConfig> = {
  routers: 7,
  clones: 7,
  valueBytesMax: 1,
  bodyMemoryBytesMax: 1,
  allowedHosts: ['kv.example'],
  allowedOrigins: ['https://kv.example'],
  rateLimit: '1/s',
  logLevel: 'error',
  logFileBytesMax: 1,
  logFilesMax: 1,
  accessLog: 'on',
  slowMs: 1,
};

const topology: Topology = {
  type: 'topology',
  sequence: 1,
  slots: 1,
  epoch: 1,
  ranges: [[0, 0, 1]],
  shards: [],
  lastShard: 1,
};

/** As the primary knows it. */
const time = { toldMs: 1, uptimeMs: 1, boot: 'boot' };

/** Read by whoever holds the rules and the certificate (test/process/reload.test.ts), and given to Node as a flag. */
const elsewhere: readonly (keyof ServiceConfig)[] = ['jwtKeys', 'jwtAudiences', 'tlsCert', 'tlsKey', 'memoryMax'];

test('a process that starts is told each setting that a reload adopts as it is by then', () => {
  const directory = new DataDirectory(temporaryDirectory());
  const base: ServiceConfig = {
    ...readConfig({ flags: {}, environment: {}, file: undefined }),
    logDir: directory.path,
  };
  const reloading = settingNames.filter((name) => settings[name].reloads);
  expect(Object.keys(others).sort()).toEqual(reloading.filter((name) => !elsewhere.includes(name)).sort());
  let config = base;
  for (const strategy of ['partitioned', 'cloned'] as const) {
    const roster = rosterOf({
      config: () => config,
      strategy,
      directory,
      service: 'service',
      access: () => ({ rules: { isLocked: false, tokens: [], jwt: null }, certificate: null }),
      files: { acknowledgedLsn: () => null, demandedLsn: () => null },
      time: { note: () => time },
      inheritedFd: undefined,
      forks: forksOf({ config: () => config, strategy, inheritedFd: undefined }),
    });
    const told = () => JSON.stringify(roster.frontends().map(({ startMessage }) => startMessage(topology)));
    const before = told();
    for (const [name, value] of Object.entries(others)) {
      config = { ...base, [name]: value };
      const isUsed = (name !== 'routers' || strategy === 'partitioned') && (name !== 'clones' || strategy === 'cloned');
      expect([strategy, name, told() !== before]).toEqual([strategy, name, isUsed]);
      config = base;
    }
    const shard = () => roster.startShard(1, { forRouters: '', forMoves: '' }, topology);
    config = { ...base, logLevel: 'error', logFilesMax: 1 };
    expect(shard()).toMatchObject({ log: { level: 'error', files: { filesMax: 1 } }, time });
    config = base;
  }
});

test('V8 gets three quarters of the memory that a process may take', () => {
  expect(heapLimitOf({ memoryMax: 512 * 2 ** 20 })).toEqual(['--max-old-space-size=384']);
  expect(heapLimitOf({ memoryMax: undefined })).toEqual([]);
});

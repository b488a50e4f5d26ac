/**
 * Clones as tutorials write them, with node:cluster: `clones.js memory|sqlite <count> <directory>`. With `memory`
 * each has its state in a variable; with `sqlite` all open one file, and each request is a commit.
 */

import cluster from 'node:cluster';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { announce } from '../announcement.ts';
import { CommitPerRequestStore } from './commit-per-request-store.ts';
import { MemoryStore } from './memory-store.ts';
import { serveApp } from './serve-app.ts';

const [state, count, directory] = process.argv.slice(2) as ['memory' | 'sqlite', string, string];

if (cluster.isPrimary) {
  const file = () => new CommitPerRequestStore(join(directory, 'clones.sqlite'));
  // The file and its table are there before the clones race for them.
  if (state === 'sqlite') await file().stop();
  const clones = Array.from({ length: Number(count) }, () => cluster.fork());
  const addresses = await Promise.all(
    clones.map((clone) => new Promise<AddressInfo>((resolve) => clone.once('listening', resolve as never))),
  );
  const processes = clones.map((clone) => ({ role: 'clone', pid: clone.process.pid as number }));
  announce((addresses[0] as AddressInfo).port, [{ role: 'primary', pid: process.pid }, ...processes]);
  // A clone that dies is replaced, as every tutorial does.
  cluster.on('exit', (clone) => {
    if (!clone.exitedAfterDisconnect) cluster.fork();
  });
  process.on('SIGTERM', () => cluster.disconnect(() => process.exit(0)));
} else {
  await serveApp(state === 'memory' ? new MemoryStore() : new CommitPerRequestStore(join(directory, 'clones.sqlite')));
}

/** Real shards (SQLite file, wire, sockets) inside the test's own process, for tests that need no kill. */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { defaultHoldLimits, type HoldLimits } from '../../src/holding/hold-queue.ts';
import { opIdBytes } from '../../src/kv/op-id.ts';
import type { Operation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import { firstRing, type Ring } from '../../src/partition/ring.ts';
import { systemClock } from '../../src/ports/clock.ts';
import { type Sockets, unixSockets } from '../../src/ports/sockets.ts';
import { Dispatcher, type ShardAddress } from '../../src/routing/dispatcher.ts';
import { PartitionedStore } from '../../src/routing/partitioned-store.ts';
import { ShardLink } from '../../src/routing/shard-link.ts';
import { executeServed } from '../../src/shard/execution.ts';
import { openFenced } from '../../src/sqlite/fence.ts';
import { openExclusively } from '../../src/sqlite/open-database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { ShardFileReader } from '../../src/sqlite/shard-file-reader.ts';
import type { WireError } from '../../src/wire/frame.ts';
import { frameBytesMaxOf, requestFrameBytes } from '../../src/wire/request-frame.ts';
import { ShardServer } from '../../src/wire/shard-server.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const frameBytesMax = frameBytesMaxOf(16 * 1024 * 1024);

const ports = { clock: systemClock, sockets: unixSockets };

/** Whoever is asked serves. */
const everything = { epoch: () => 1, serves: () => true, isWhole: () => true, owns: () => true, onExecuted: () => {} };

export type InProcessShard = {
  readonly address: ShardAddress;
  readonly file: ShardFile;
  readonly server: ShardServer;
  readonly wireErrors: WireError[];
};

export async function startShard(
  shard: number,
  directory = temporaryDirectory(),
  open = openExclusively,
): Promise<InProcessShard> {
  const file = new ShardFile(join(directory, `shard-${shard}.sqlite`), { service: 'test', shard }, { open });
  const wireErrors: WireError[] = [];
  const server = new ShardServer({
    ...ports,
    shard,
    frameBytesMax,
    lsn: () => file.counters.lsn,
    execute: (requests) => executeServed(requests, file, everything),
    onBatch: () => {},
    onWireError: (error) => wireErrors.push(error),
  });
  const socketPath = join(directory, `shard-${shard}.sock`);
  await server.listen(socketPath);
  onTestFinished(async () => {
    await server.stop();
    file.close();
  });
  return { address: { id: shard, state: 'ready', socketPath, fileFits: true }, file, server, wireErrors };
}

export type StartedStore = {
  readonly store: PartitionedStore;
  readonly ring: Ring;
  readonly addresses: readonly ShardAddress[];
  /** Of either end: each has cost a connection. */
  readonly wireErrors: () => readonly WireError[];
};

export async function startPartitionedStore(
  shards: number,
  reads: 'forwarded' | 'direct' = 'forwarded',
  sockets: Sockets = unixSockets,
): Promise<StartedStore> {
  const ids = Array.from({ length: shards }, (_, index) => index + 1);
  const ring = firstRing(new Map(ids.map((id) => [id, 1])));
  const directory = temporaryDirectory();
  const open = reads === 'direct' ? openFenced : openExclusively;
  const started = await Promise.all(ids.map((id) => startShard(id, directory, open)));
  for (const { file, address } of started) file.transfer.settle(ring, address.id, () => false);
  const seen: WireError[] = [];
  const dispatcher = new Dispatcher(ring, {
    ...ports,
    sockets,
    hold: defaultHoldLimits,
    frameBytesMax,
    ...(reads === 'direct' && { fileOf: (shard) => readerIn(directory, shard) }),
    onWireError: (error) => seen.push(error),
  });
  const { clock } = ports;
  const holdDeadlineMs = defaultHoldLimits.deadlineMs;
  const store = new PartitionedStore(dispatcher, { clock, holdDeadlineMs, onSettled: () => {} });
  const addresses = started.map(({ address }) => address);
  store.adopt(ring, addresses, shards);
  onTestFinished(() => store.stop());
  return { store, ring, addresses, wireErrors: () => [...seen, ...started.flatMap(({ wireErrors }) => wireErrors)] };
}

/** A test whose files cannot be read would read through their shards and prove nothing. */
function readerIn(directory: string, shard: number): ShardFileReader {
  return new ShardFileReader(
    join(directory, `shard-${shard}.sqlite`),
    { service: 'test', shard },
    {
      clock: systemClock,
      onUnreadable: (error) => {
        throw error;
      },
    },
  );
}

/** A link of its own, as a router has it, but without a ring. */
export function linkTo(
  shard: number,
  options: { limits?: Partial<HoldLimits>; onWireError?: (error: WireError) => void } = {},
): ShardLink {
  const link = new ShardLink(
    shard,
    { lsn: 0, epoch: 1 },
    { ...ports, hold: { ...defaultHoldLimits, ...options.limits }, frameBytesMax },
    {
      onMoved: () => {},
      onWireError: options.onWireError ?? (() => {}),
    },
  );
  onTestFinished(() => link.stop());
  return link;
}

export function ask(link: ShardLink, operation: Operation): Promise<Outcome> {
  return new Promise((settle) =>
    link.request({
      operation,
      frameBytes: requestFrameBytes(operation),
      opId: randomBytes(opIdBytes),
      startedAtMs: performance.now(),
      settle: (answer) => settle(answer as Outcome),
      openSends: 0,
      requestId: 0,
      seenLsn: 0,
      sentAtMs: 0,
      timing: undefined,
    }),
  );
}

/** The shard's entry: its file, its sockets and its clock are this process's own. */

import { systemClock } from '../ports/clock.ts';
import { unixSockets } from '../ports/sockets.ts';
import { ReserveFile, withReserve } from '../sqlite/disk-reserve.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import type { StartShard } from '../supervision/messages.ts';
import { runWorker } from '../supervision/worker.ts';
import { Shard } from './shard.ts';

await runWorker<StartShard>('start-shard', async (start, { log, tell }) => {
  const reserve = ReserveFile.beside(start.file);
  const identity = { service: start.service, shard: start.shard };
  const file = withReserve(reserve, () => new ShardFile(start.file, identity, { reserve }));
  const shard = new Shard(start, file, {
    clock: systemClock,
    sockets: unixSockets,
    tell,
    onWireError: (error) => log.error(error, 'a router or a shard broke the wire protocol'),
  });
  await shard.listen();
  return shard;
});

/** The shard's entry: its file, its sockets and its clock are this process's own. */

import { systemClock } from '../ports/clock.ts';
import { unixSockets } from '../ports/sockets.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import type { StartShard } from '../supervision/messages.ts';
import { runWorker } from '../supervision/worker.ts';
import { Shard } from './shard.ts';

await runWorker<StartShard>('start-shard', async (start, { log, tell }) => {
  const file = new ShardFile(start.file, { service: start.service, shard: start.shard });
  const shard = new Shard(start, file, {
    clock: systemClock,
    sockets: unixSockets,
    tell,
    onWireError: (error) => log.error(error, 'a router or a shard broke the wire protocol'),
  });
  await shard.listen();
  return shard;
});

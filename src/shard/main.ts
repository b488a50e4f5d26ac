/** The shard's entry: its file, its sockets and its clock are this process's own. */

import { systemClock } from '../ports/clock.ts';
import { unixSockets } from '../ports/sockets.ts';
import { MarkFile } from '../sqlite/acknowledged-mark.ts';
import { type DiskReserve, ReserveFile, withReserve } from '../sqlite/disk-reserve.ts';
import { openFenced } from '../sqlite/fence.ts';
import { openExclusively } from '../sqlite/open-database.ts';
import type { ShardFile } from '../sqlite/shard-file.ts';
import type { StartShard } from '../supervision/messages.ts';
import { runWorker } from '../supervision/worker.ts';
import { openOwnFile } from './own-file.ts';
import { Shard } from './shard.ts';

await runWorker<StartShard>('start-shard', async (start, { log, tell }) => {
  const reserve = ReserveFile.beside(start.file);
  const file = openFile(start, reserve);
  const shard = new Shard(start, file, {
    clock: systemClock,
    sockets: unixSockets,
    tell,
    onWireError: (error) => log.error(error, 'a router or a shard broke the wire protocol'),
  });
  await shard.listen();
  return shard;
});

function openFile(start: StartShard, reserve: DiskReserve): ShardFile {
  const open = start.reads === 'direct' ? openFenced : openExclusively;
  const mark = new MarkFile(start.file);
  try {
    return withReserve(reserve, () => openOwnFile(start, { open, reserve, mark }));
  } catch (error) {
    mark.close();
    throw error;
  }
}

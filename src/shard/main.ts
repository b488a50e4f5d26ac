/** The shard's entry: its file, its sockets and its clock are this process's own. */

import { systemClock } from '../ports/clock.ts';
import { unixSockets } from '../ports/sockets.ts';
import { MarkFile } from '../sqlite/acknowledged-mark.ts';
import { WrongFile } from '../sqlite/database.ts';
import { type DiskReserve, ReserveFile, withReserve } from '../sqlite/disk-reserve.ts';
import { openFenced } from '../sqlite/fence.ts';
import { openExclusively } from '../sqlite/open-database.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import type { StartShard } from '../supervision/messages.ts';
import { CannotServe, runWorker } from '../supervision/worker.ts';
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

/** @throws CannotServe when it is not the file that should be there */
function openFile(start: StartShard, reserve: DiskReserve): ShardFile {
  const { file, service, shard, acknowledgedLsn, reads, topology } = start;
  const record = { acknowledgedLsn, epoch: topology.epoch };
  const open = reads === 'direct' ? openFenced : openExclusively;
  const mark = new MarkFile(file);
  try {
    return withReserve(reserve, () => new ShardFile(file, { service, shard }, { open, reserve, mark, record }));
  } catch (error) {
    mark.close();
    throw error instanceof WrongFile ? new CannotServe(error.message, { cause: error }) : error;
  }
}

/**
 * The life of a child process seen from inside: it starts when the primary says so, tells its health, drains
 * when asked, and never outlives the primary. Signals sent to the whole group are left to the primary.
 */

import { healthIntervalMs } from './health.ts';
import { createLog, type Log } from './log.ts';
import {
  type Health,
  type MessageToPrimary,
  type MoveMessage,
  parseMessageToChild,
  type StartClone,
  type StartRouter,
  type StartShard,
  type Topology,
} from './messages.ts';

export type WorkerJob = {
  readonly health: () => Health;
  /** Clones need no topology: they share one store. */
  readonly adopt?: (topology: Topology) => void;
  /** A shard's part in a move. */
  readonly onCommand?: (message: MoveMessage) => void;
  /** A walk over its file; the report goes to the primary by itself. */
  readonly audit?: (id: number) => void;
  /** Finishes what is under way and lets go of everything. */
  readonly drain: () => Promise<void>;
};

type StartMessage = StartShard | StartRouter | StartClone;

/** @param begin does the child's work from its start message on; resolves when it is ready */
export async function runWorker<M extends StartMessage>(
  type: M['type'],
  begin: (start: M, log: Log, tell: (message: MessageToPrimary) => void) => Promise<WorkerJob>,
): Promise<void> {
  // Ctrl-C reaches the whole process group; only the primary knows in which order to stop.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('SIGHUP', () => {});
  process.on('disconnect', () => process.exit(1));

  let work: Promise<WorkerJob> | undefined;
  let latestSequence = -1;
  /** A topology that overtook the start message. */
  let early: Topology | undefined;

  async function start(message: M): Promise<WorkerJob> {
    const log = await createLog(nameOf(message));
    process.on('uncaughtException', (error) => {
      log.fatal(error);
      process.exit(1);
    });
    const begun = await begin(message, log, tell);
    await tell({ type: 'ready' });
    setInterval(() => tell(begun.health()), healthIntervalMs);
    return begun;
  }

  process.on('message', async (raw) => {
    const message = parseMessageToChild(raw);
    if (message.type === 'drain') {
      await (await work)?.drain();
      process.exit(0);
    } else if (message.type === 'topology') {
      if (message.sequence <= latestSequence) return;
      latestSequence = message.sequence;
      if (work === undefined) early = message;
      else (await work).adopt?.(message);
    } else if (message.type === 'move') {
      (await work)?.onCommand?.(message);
    } else if (message.type === 'audit') {
      (await work)?.audit?.(message.id);
    } else if (message.type === type && work === undefined) {
      const known = 'topology' in message ? message.topology.sequence : -1;
      latestSequence = Math.max(latestSequence, known);
      work = start(message as M);
      const begun = await work;
      if (early !== undefined && early.sequence > known) begun.adopt?.(early);
    }
  });
  await tell({ type: 'born' });
}

/** Resolves when the message has left; an error means that the primary is gone, and 'disconnect' ends this process. */
function tell(message: MessageToPrimary): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, undefined, undefined, () => resolve());
  });
}

function nameOf(start: StartMessage): string {
  switch (start.type) {
    case 'start-shard':
      return `shard-${start.shard}`;
    case 'start-clone':
      return `clone-${start.clone}`;
    case 'start-router':
      return 'router';
  }
}

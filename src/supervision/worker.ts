/**
 * The life of a child process seen from inside: it starts when the primary says so, tells its health, drains
 * when asked, notices when the primary says nothing any more, and never outlives it. Signals sent to the whole group are left to the primary.
 */

import { every, systemClock } from '../ports/clock.ts';
import { CannotServe } from './cannot-serve.ts';
import { heartbeatIntervalMs, PrimaryWatch } from './heartbeat.ts';
import { Inbox, type StartMessage, type WorkerJob } from './inbox.ts';
import { createLog, type ProcessLog, reopenLog } from './log.ts';
import { type MessageToPrimary, parseMessageToChild } from './messages.ts';
import { processMeasures } from './process-measures.ts';
import { writeProfile } from './profile-file.ts';

/** What a child has of the world around it, besides its start message. */
export type WorkerSurroundings = {
  readonly log: ProcessLog;
  readonly tell: (message: MessageToPrimary) => void;
  readonly primary: Pick<PrimaryWatch, 'isSilent'>;
};

/** @param begin does the child's work from its start message on; resolves when it is ready, or throws CannotServe */
export async function runWorker<M extends StartMessage>(
  type: M['type'],
  begin: (start: M, surroundings: WorkerSurroundings) => Promise<WorkerJob>,
): Promise<void> {
  // Ctrl-C reaches the whole process group; only the primary knows in which order to stop.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGUSR2', () => {});
  process.on('disconnect', () => process.exit(1));

  let watch: PrimaryWatch | undefined;
  const ports = { clock: systemClock, tell: (message: MessageToPrimary) => void tell(message) };
  const inbox = new Inbox<M>(type, ports, {
    onStart: (start) => void work(start),
    onMeasure: async (id, job) => {
      await tell({ type: 'measures', id, measures: [...(await processMeasures()), ...job.measures()] });
    },
    onProfile: async (order) => {
      const failure = await writeProfile(order).then(
        () => null,
        (error: Error) => error.message,
      );
      await tell({ type: 'profile-report', failure });
    },
    onDrain: end,
    onRetire: async (job) => {
      await job.retire?.();
      await end(job);
    },
  });

  async function work(start: M): Promise<void> {
    const name = nameOf(start);
    // What `ps` shows.
    process.title = `shardlite ${name}`;
    const log = await createLog(name, start.log);
    process.on('uncaughtException', (error) => {
      log.fatal(error);
      process.exit(1);
    });
    const primary = new PrimaryWatch((isSilent) => logPrimary(log, isSilent));
    watch = primary;
    every(systemClock, heartbeatIntervalMs, () => primary.tick());
    const job = await begin(start, { log, tell, primary }).catch(refuse);
    inbox.begun(job);
  }

  process.on('message', (raw) => {
    watch?.heard();
    const message = parseMessageToChild(raw);
    // Of its log a process decides in any state.
    if (message.type === 'reopen-log') reopenLog();
    else inbox.receive(message);
  });
  await tell({ type: 'born' });
}

async function end(job: WorkerJob | undefined): Promise<void> {
  await job?.drain();
  if (job !== undefined) await tell(job.health());
  process.exit(0);
}

function logPrimary(log: ProcessLog, isSilent: boolean): void {
  if (isSilent) log.warn('the primary does not answer: new connections wait, and processes that die are not restarted');
  else log.info('the primary answers again');
}

async function refuse(error: unknown): Promise<never> {
  if (!(error instanceof CannotServe)) throw error;
  await tell({ type: 'refused', reason: error.message });
  process.exit(1);
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
      return `router-${start.router}`;
  }
}

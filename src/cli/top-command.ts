/** `shardctl top`: the service live on a terminal, until `q`. It goes on when the service goes away and comes back. */

import { ServiceUnreachable, statusOfService } from '../admin/admin-client.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { type TopFrame, topLines } from './top-view.ts';

const intervalMs = 1_000;
/** So many seconds of the past are drawn. */
const historyLength = 60;

const enterScreen = '\x1b[?1049h\x1b[?25l';
const leaveScreen = '\x1b[?25h\x1b[?1049l';
const home = '\x1b[H';
const clearRestOfLine = '\x1b[K';
const clearBelow = '\x1b[J';

/** @throws CliFailure where there is no terminal, ServiceUnreachable where there is no service at first */
export async function topCommand({ data }: { data: string }): Promise<void> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new CliFailure(exitCodes.usage, 'top needs a terminal. `shardctl status --watch` prints lines.');
  }
  let frame: TopFrame = await frameAfter(undefined, data);
  const draw = () => {
    const size = { columns: stdout.columns, rows: stdout.rows };
    stdout.write(home + topLines(frame, size).join(`${clearRestOfLine}\n`) + clearRestOfLine + clearBelow);
  };
  const ended = keyPressed(stdin, (key) => key === 'q' || key === '\x03');
  stdout.write(enterScreen);
  stdout.on('resize', draw);
  try {
    for (let isOver = false; !isOver; isOver = await isFirst(ended, intervalMs)) {
      draw();
      frame = await frameAfter(frame, data);
    }
  } finally {
    stdout.off('resize', draw);
    stdout.write(leaveScreen);
    stdin.setRawMode(false);
    stdin.pause();
  }
}

async function frameAfter(before: TopFrame | undefined, data: string): Promise<TopFrame> {
  try {
    const status = await statusOfService(data);
    const history = [...(before?.history ?? []), status].slice(-historyLength);
    return { data, status, history, awaySinceMs: undefined, nowMs: Date.now() };
  } catch (error) {
    if (!(error instanceof ServiceUnreachable) || before === undefined) throw error;
    return { ...before, awaySinceMs: before.awaySinceMs ?? Date.now(), nowMs: Date.now() };
  }
}

function keyPressed(stdin: NodeJS.ReadStream, isWanted: (key: string) => boolean): Promise<void> {
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  return new Promise((resolve) => {
    stdin.on('data', (keys: string) => {
      if ([...keys].some(isWanted)) resolve();
    });
    // Its terminal is gone.
    stdin.once('end', resolve);
  });
}

/** Whether something has happened before so much time was over. */
async function isFirst(event: Promise<void>, delayMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), delayMs);
  });
  const isOver = await Promise.race([event.then(() => true), overdue]);
  clearTimeout(timer);
  return isOver;
}

/**
 * Named steps at which a test can have a process killed or stopped. Off, and free, unless the environment names a
 * file: its one line, `STEP SIGNAL`, is taken by the first process that comes to that step.
 */

import { readFileSync, renameSync } from 'node:fs';

const file = process.env['SHARDLITE_FAILPOINT_FILE'];

export const failpoint: (step: string) => void = file === undefined ? () => {} : (step) => failAt(step, file);

function failAt(step: string, file: string): void {
  let signal: string | undefined;
  try {
    const [wanted, armed] = readFileSync(file, 'utf8').trim().split(' ');
    if (wanted !== step) return;
    // Renamed first: whoever is born after this death must not die of it too.
    renameSync(file, `${file}.taken`);
    signal = armed;
  } catch {
    // Nothing is armed, or another process has just taken it.
    return;
  }
  process.kill(process.pid, signal);
}

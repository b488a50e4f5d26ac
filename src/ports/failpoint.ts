/**
 * Named steps at which a test can have a process killed or stopped. Off, and free, unless the environment names a
 * file: its one line, `STEP SIGNAL`, is taken by the first process that comes to that step. The simulator lets its
 * processes die at the same steps.
 */

import { readFileSync, renameSync } from 'node:fs';

const file = process.env['SHARDLITE_FAILPOINT_FILE'];

let reach: (step: string) => void = file === undefined ? () => {} : (step) => failAt(step, file);

export function failpoint(step: string): void {
  reach(step);
}

/** For a process that plays many. */
export function onFailpoint(run: (step: string) => void): void {
  reach = run;
}

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

/**
 * Named steps at which a test can have a process killed or stopped. Off, and free, unless the environment names a
 * file: its one line, `STEP SIGNAL`, is taken by the first process that comes to that step.
 */

import { readFileSync, renameSync } from 'node:fs';

const file = process.env['SHARDLITE_FAILPOINT_FILE'];

export const failpoint: (step: string) => void = file === undefined ? () => {} : (step) => failAt(step, file);

function failAt(step: string, file: string): void {
  let armed: string;
  try {
    armed = readFileSync(file, 'utf8');
  } catch {
    return;
  }
  const [wanted, signal] = armed.trim().split(' ');
  if (wanted !== step) return;
  // Renamed first: whoever is born after this death must not die of it too.
  renameSync(file, `${file}.taken`);
  process.kill(process.pid, signal);
}

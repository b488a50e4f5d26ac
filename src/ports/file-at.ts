import { statSync } from 'node:fs';

/**
 * Which file lies at a path now: of two that there are at one time, never the same. Undefined where there is none. Nothing
 * is opened by it, so that no lock on the file is dropped.
 */
export function fileAt(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
}

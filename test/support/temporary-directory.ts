/** Directories that vanish with the test that made them. Short paths: Unix sockets lie in them. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sl-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

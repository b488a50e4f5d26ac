/** What the kernel says of a process. Linux alone, as these tests are. */

import { readFileSync } from 'node:fs';
import { vi } from 'vitest';

/** `gone` also for a zombie: it runs no more, and only waits for its parent to ask. */
export function processState(pid: number): 'running' | 'stopped' | 'gone' {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return 'gone';
  }
  const letter = /^State:\s+(\w)/m.exec(status)?.[1];
  if (letter === 'T') return 'stopped';
  return letter === 'Z' || letter === 'X' ? 'gone' : 'running';
}

/** Resolves when none of them runs any more. */
export async function allGone(pids: readonly number[]): Promise<void> {
  await vi.waitUntil(() => pids.every((pid) => processState(pid) === 'gone'), { timeout: 10_000, interval: 10 });
}

/**
 * The disk as a contestant sees it: how long a sync takes at least, and how many there were. The other side is
 * `slow-disk.c`, which is preloaded into every process of the contestant and maps the same file.
 */

import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';

const controlBytes = 16;
const syncsOffset = 8;

export class SlowDisk {
  readonly #file: number;
  /** What the contestant's programs are started with. */
  readonly environment: NodeJS.ProcessEnv;

  /** @param control path of a file that is created */
  constructor(control: string, library: string) {
    writeFileSync(control, Buffer.alloc(controlBytes));
    this.#file = openSync(control, 'r+');
    this.environment = { LD_PRELOAD: library, BENCH_DISK_CONTROL: control };
  }

  /** From the next sync on. @param leastMs 0: as fast as the real disk */
  set leastMs(leastMs: number) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(Math.round(leastMs * 1_000));
    writeSync(this.#file, bytes, 0, bytes.length, 0);
  }

  /** Since the contestant was started, over all its processes. */
  get syncs(): number {
    const bytes = Buffer.alloc(8);
    readSync(this.#file, bytes, 0, bytes.length, syncsOffset);
    return Number(bytes.readBigUInt64LE());
  }

  close(): void {
    closeSync(this.#file);
  }
}

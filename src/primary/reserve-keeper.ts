/**
 * Makes the reserve of the data directory, and makes it again once there is room. Processes that give it up do so by
 * themselves (`sqlite/disk-reserve.ts`); the primary finds out by looking.
 */

import { randomFillSync } from 'node:crypto';
import { rmSync, statfsSync, statSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { isNoRoom } from '../sqlite/disk-full.ts';
import type { ReserveFile } from '../sqlite/disk-reserve.ts';

const lookIntervalMs = 1_000;
/** Between tries that wrote until there was no room, as under a quota, which no figure tells beforehand. */
const retryDelayMsMax = 30_000;
/** Of a small file system it takes at most this part. */
const shareMax = 1 / 4;
/** It is made when there is so much more room than it takes: it would be given up again at once otherwise. */
const roomBeyondBytes = 1024 * 1024;
const chunkBytes = 64 * 1024;

export type ReserveKeeperOptions = {
  readonly reserve: ReserveFile;
  /** At most. 0: there shall be none. */
  readonly bytes: number;
  readonly clock: Clock;
  readonly log: Log;
};

export class ReserveKeeper {
  readonly #options: ReserveKeeperOptions;
  /** Random: a file system that compresses would give zeros no room. */
  readonly #chunk = randomFillSync(Buffer.allocUnsafe(chunkBytes));
  #timer: Timer | undefined;
  #isStopped = false;
  #retryDelayMs = lookIntervalMs;
  #isKnownToBeGiven = false;

  constructor(options: ReserveKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#look();
  }

  /** Idempotent. What is just being made is finished. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    let delayMs = lookIntervalMs;
    try {
      await this.#ensure();
      this.#retryDelayMs = lookIntervalMs;
    } catch (error) {
      if (!isNoRoom(error)) log.warn({ error }, 'the reserve for a full disk cannot be made');
      this.#retryDelayMs = Math.min(2 * this.#retryDelayMs, retryDelayMsMax);
      delayMs = this.#retryDelayMs;
    }
    if (!this.#isStopped) this.#timer = clock.after(delayMs, () => void this.#look());
  }

  async #ensure(): Promise<void> {
    const { reserve, log } = this.#options;
    const { bytes, freeBytes } = this.#wanted();
    const found = statSync(reserve.path, { throwIfNoEntry: false })?.size;
    if (found !== bytes && !this.#isKnownToBeGiven && reserve.isGiven) {
      this.#isKnownToBeGiven = true;
      log.error({}, 'the disk is full: the reserve is released, and only deletes are accepted');
    }
    if (found === bytes || bytes === 0) {
      if (bytes === 0) rmSync(reserve.path, { force: true });
    } else {
      if (freeBytes + (found ?? 0) < bytes + roomBeyondBytes) return;
      rmSync(reserve.path, { force: true });
      await this.#make(bytes);
    }
    rmSync(reserve.markPath, { force: true });
    if (this.#isKnownToBeGiven) log.info({ bytes }, 'the disk has room again: the reserve is back');
    this.#isKnownToBeGiven = false;
  }

  #wanted(): { readonly bytes: number; readonly freeBytes: number } {
    const { reserve, bytes } = this.#options;
    const { bsize, blocks, bavail } = statfsSync(dirname(reserve.path));
    const share = Math.floor((blocks * bsize * shareMax) / chunkBytes) * chunkBytes;
    // Some file systems do not say how large they are.
    return {
      bytes: blocks === 0 ? bytes : Math.min(bytes, share),
      freeBytes: blocks === 0 ? Infinity : bavail * bsize,
    };
  }

  /** Under another name at first: what bears its own has all of its bytes. */
  async #make(bytes: number): Promise<void> {
    const { path } = this.#options.reserve;
    const unfinished = `${path}.new`;
    try {
      const file = await open(unfinished, 'w', 0o600);
      try {
        await this.#fill(file, bytes);
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
  }

  async #fill(file: FileHandle, bytes: number): Promise<void> {
    for (let at = 0; at < bytes; at += chunkBytes) {
      await file.write(this.#chunk, 0, Math.min(chunkBytes, bytes - at), at);
    }
    await file.sync();
  }
}

/**
 * A file as a place for log lines, which keeps nobody waiting: lines go to the disk in the background, those that have come
 * meanwhile in one write. A file that is full is set aside, and the oldest of those is removed. During a reload two
 * processes have one name and one file: each appends whole lines, and finds out when the other has set the file aside.
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { currentLogFile, parseLogFile, setAsideLogFile } from './log-file-names.ts';
import type { LogPlace } from './log-output.ts';

export type LogLimits = {
  /** The file is set aside when it has so many; 0 is never. */
  readonly fileBytesMax: number;
  /** Of this process, with the one that it writes to. */
  readonly filesMax: number;
};

export type LogFileOptions = LogLimits & {
  readonly directory: string;
  /** Who writes it, e.g. `shard-2`. */
  readonly name: string;
};

/** Of lines that wait while others are being written. */
const waitingBytesMax = 1024 * 1024;
const lineFeed = 0x0a;

export class LogFile implements LogPlace {
  /** They live as long as their process. */
  static readonly #all: LogFile[] = [];

  #options: LogFileOptions;
  readonly #path: string;
  #file: FileHandle | undefined;
  #fileBytes = 0;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #isToReopen = false;
  /** A part of a line stands at the end of the file: what comes next must not be taken for its rest. */
  #isLineBegun = false;
  #lost = 0;
  #setAsideAtMs = 0;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#path = join(options.directory, currentLogFile(options.name));
    if (LogFile.#all.push(this) > 1) return;
    // What a process says at its end is what matters most.
    process.on('exit', () => {
      for (const file of LogFile.#all) file.#writeAtOnce();
    });
  }

  get lost(): number {
    return this.#lost;
  }

  take(line: string): boolean {
    if (this.#waitingBytes + line.length > waitingBytesMax) return false;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#begin();
    return true;
  }

  /** From the next lines on. */
  limitTo({ fileBytesMax, filesMax }: LogLimits): void {
    this.#options = { ...this.#options, fileBytesMax, filesMax };
  }

  /** Somebody has moved the file away: what comes from now on goes to a new one. */
  reopen(): void {
    this.#isToReopen = true;
    this.#begin();
  }

  #begin(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    // What else is said in this turn of the event loop goes with it.
    setImmediate(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0 || this.#isToReopen) {
      const lines = this.#takeWaiting(this.#room);
      try {
        await this.#write(await this.#opened(), lines);
      } catch {
        // It cannot be opened now: the next lines try again.
        this.#lost += lines.length;
      }
    }
    this.#isWriting = false;
  }

  /** Of the file that the next lines go to. */
  get #room(): number {
    const { fileBytesMax } = this.#options;
    if (fileBytesMax === 0) return Number.POSITIVE_INFINITY;
    return this.#fileBytes < fileBytesMax ? fileBytesMax - this.#fileBytes : fileBytesMax;
  }

  /** The last of them may be longer than what is left of the room. */
  #takeWaiting(room = Number.POSITIVE_INFINITY): readonly string[] {
    let count = 0;
    let bytes = 0;
    for (; count < this.#waiting.length && bytes < room; count++) bytes += (this.#waiting[count] as string).length;
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  async #write(file: FileHandle, lines: readonly string[]): Promise<void> {
    const bytes = this.#bytesOf(lines);
    let written = 0;
    try {
      while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten;
    } catch {
      // No room.
    }
    this.#note(bytes, written);
  }

  #bytesOf(lines: readonly string[]): Buffer {
    return Buffer.from(this.#isLineBegun && lines.length > 0 ? `\n${lines.join('')}` : lines.join(''));
  }

  #note(bytes: Buffer, written: number): void {
    // The line feed that ends what stands there is no line.
    const lostFrom = Math.max(written, this.#isLineBegun ? 1 : 0);
    for (let at = bytes.indexOf(lineFeed, lostFrom); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) this.#lost++;
    this.#fileBytes += written;
    if (written > 0) this.#isLineBegun = bytes[written - 1] !== lineFeed;
  }

  async #opened(): Promise<FileHandle> {
    const { fileBytesMax } = this.#options;
    const isFull = fileBytesMax > 0 && this.#fileBytes >= fileBytesMax;
    if (this.#file !== undefined && (isFull || this.#isToReopen)) await this.#leave(this.#file, isFull);
    this.#isToReopen = false;
    if (this.#file !== undefined) return this.#file;
    const file = await openInDirectory(this.#path);
    this.#fileBytes = (await file.stat()).size;
    this.#file = file;
    return file;
  }

  async #leave(file: FileHandle, isFull: boolean): Promise<void> {
    this.#file = undefined;
    this.#isLineBegun = false;
    const { directory, name } = this.#options;
    const [mine, there] = await Promise.all([file.stat(), stat(this.#path).catch(() => undefined)]);
    await file.close();
    // Else another process of this name has set it aside, or an operator has moved it.
    if (!isFull || there?.ino !== mine.ino) return;
    // No two of one millisecond, or the latter would take the place of the former.
    this.#setAsideAtMs = Math.max(Date.now(), this.#setAsideAtMs + 1);
    await rename(this.#path, join(directory, setAsideLogFile(name, this.#setAsideAtMs, process.pid)));
    await this.#removeOldest();
  }

  async #removeOldest(): Promise<void> {
    const { directory, name, filesMax } = this.#options;
    const isMine = (file: string) => {
      const parsed = parseLogFile(file);
      return parsed?.name === name && parsed.isSetAside;
    };
    const oldestFirst = (await readdir(directory)).filter(isMine).sort();
    const surplus = oldestFirst.slice(0, Math.max(0, oldestFirst.length - (filesMax - 1)));
    await Promise.all(surplus.map((file) => rm(join(directory, file), { force: true })));
  }

  /** Nothing runs any more that could wait for it. */
  #writeAtOnce(): void {
    const bytes = this.#bytesOf(this.#takeWaiting());
    if (bytes.length === 0) return;
    let written = 0;
    try {
      const fd = openSync(this.#path, 'a', 0o600);
      while (written < bytes.length) written += writeSync(fd, bytes, written);
      closeSync(fd);
    } catch {
      // Nobody is left to be told.
    }
  }
}

/** The directory may have been removed: those above it are an operator's. */
async function openInDirectory(path: string): Promise<FileHandle> {
  const openIt = () => open(path, 'a', 0o600);
  try {
    return await openIt();
  } catch {
    await mkdir(dirname(path), { mode: 0o700 }).catch(() => {});
    return openIt();
  }
}

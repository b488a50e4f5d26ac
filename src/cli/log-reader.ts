/**
 * Reads the logs of all processes from their files, in order of time, and goes on as they grow. A file is known by its
 * inode: what is set aside meanwhile is read to its end, and nothing twice.
 */

import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLogFile } from '../supervision/log-file-names.ts';

export type LogLine = {
  /** Without its line feed. */
  readonly text: string;
  /** Unix milliseconds; of a line that says none, as of the one before it. */
  readonly atMs: number;
};

const chunkBytes = 64 * 1024;
const lineFeed = 0x0a;

export class LogReader {
  readonly #directory: string;
  readonly #isWanted: (process: string) => boolean;
  /** By inode. */
  readonly #files = new Map<number, GrowingLog>();
  /** Inodes that were not found by the last look. */
  #missed: ReadonlySet<number> = new Set();
  /** They are read one after the other. */
  readonly #chunk = Buffer.alloc(chunkBytes);

  /** @param isWanted of a process, e.g. `router-1` */
  constructor(directory: string, isWanted: (process: string) => boolean) {
    this.#directory = directory;
    this.#isWanted = isWanted;
  }

  /** Lines that are new since the last call, in order of time. */
  async *newLines(): AsyncGenerator<LogLine> {
    const gone = await this.#look();
    const files = [...this.#files.values()];
    for (const file of files) await file.fill();
    for (;;) {
      const next = earliest(files);
      if (next === undefined) break;
      yield next.shift();
      if (next.first === undefined) await next.fill();
    }
    for (const inode of gone) {
      await this.#files.get(inode)?.close();
      this.#files.delete(inode);
    }
  }

  async stop(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
    this.#files.clear();
  }

  /** Opens what is new, and returns the inodes of what was removed. */
  async #look(): Promise<readonly number[]> {
    const there = new Set<number>();
    // A file that gets another name between the listing and its opening is only found by the next look. Until then,
    // nothing of the newer file that has taken its name is told.
    while (await this.#openNew(there)) {}
    const missed = [...this.#files.keys()].filter((ino) => !there.has(ino));
    const gone = missed.filter((ino) => this.#missed.has(ino));
    this.#missed = new Set(missed);
    return gone;
  }

  /** Adds the inodes of all files that it finds. False when none of them is new. */
  async #openNew(there: Set<number>): Promise<boolean> {
    const known = this.#files.size;
    for (const file of (await readdir(this.#directory)).sort()) {
      const name = parseLogFile(file)?.name;
      if (name === undefined || !this.#isWanted(name)) continue;
      const handle = await open(join(this.#directory, file)).catch(() => undefined);
      if (handle === undefined) continue;
      const { ino } = await handle.stat();
      there.add(ino);
      if (this.#files.has(ino)) await handle.close();
      else this.#files.set(ino, new GrowingLog(handle, this.#chunk));
    }
    return this.#files.size > known;
  }
}

function earliest(files: readonly GrowingLog[]): GrowingLog | undefined {
  let found: GrowingLog | undefined;
  for (const file of files) {
    if (file.first !== undefined && (found?.first === undefined || file.first.atMs < found.first.atMs)) found = file;
  }
  return found;
}

/** One file, of which whole lines are taken, a chunk at a time. */
class GrowingLog {
  readonly #file: FileHandle;
  readonly #chunk: Buffer;
  #offset = 0;
  /** A line that has no end yet. */
  #begun: Buffer[] = [];
  #lines: LogLine[] = [];
  #taken = 0;
  #lastAtMs = 0;

  /** @param chunk to read into; free again when a call returns */
  constructor(file: FileHandle, chunk: Buffer) {
    this.#file = file;
    this.#chunk = chunk;
  }

  get first(): LogLine | undefined {
    return this.#lines[this.#taken];
  }

  shift(): LogLine {
    return this.#lines[this.#taken++] as LogLine;
  }

  /** Afterwards there is a first line, unless nothing more stands there. */
  async fill(): Promise<void> {
    if (this.first !== undefined) return;
    this.#lines = [];
    this.#taken = 0;
    while (this.#lines.length === 0) {
      const { bytesRead } = await this.#file.read(this.#chunk, 0, chunkBytes, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      this.#split(this.#chunk.subarray(0, bytesRead));
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #split(bytes: Buffer): void {
    let from = 0;
    for (let feedAt = bytes.indexOf(lineFeed); feedAt !== -1; feedAt = bytes.indexOf(lineFeed, from)) {
      const text = Buffer.concat([...this.#begun.splice(0), bytes.subarray(from, feedAt)]).toString();
      if (text !== '') this.#lines.push({ text, atMs: this.#timeOf(text) });
      from = feedAt + 1;
    }
    // The chunk is written over by the next read.
    if (from < bytes.length) this.#begun.push(Buffer.from(bytes.subarray(from)));
  }

  #timeOf(text: string): number {
    const [, digits] = /"time":(\d+)/.exec(text) ?? [];
    if (digits !== undefined) this.#lastAtMs = Number(digits);
    return this.#lastAtMs;
  }
}

/** Of whom there are files. */
export async function processesLogged(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).flatMap((file) => parseLogFile(file)?.name ?? []);
  return [...new Set(names)].sort();
}

/** Where everything of one service lies on disk, and the sockets of its running processes. */

import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Longest path of a Unix socket that Linux takes, in bytes (`sun_path` less its final NUL). */
const socketPathBytesMax = 107;

/** Clones, or a single process, keep everything in the file of this shard, so that it can be served partitioned later. */
export const sharedShard = 1;

export class UnusableDirectory extends Error {
  override readonly name = 'UnusableDirectory';
}

export type ShardSockets = { readonly forRouters: string; readonly forMoves: string };

/** The files of a directory, which need not be there. */
export class DataFiles {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  get metaFile(): string {
    return join(this.path, 'meta.sqlite');
  }

  /** The one file that clones share. */
  get sharedFile(): string {
    return this.shardFile(sharedShard);
  }

  shardFile(shard: number): string {
    return shardFileIn(this.path, shard);
  }

  /** Ids of the shards of which there are files, ascending. Throws what the system says of a directory that is none. */
  shardsWithFiles(): number[] {
    const ids = readdirSync(this.path).flatMap((name) => /^shard-(\d{1,5})\.sqlite$/.exec(name)?.[1] ?? []);
    return ids.map(Number).sort((a, b) => a - b);
  }

  /** What is kept of tokens. */
  get tokensFile(): string {
    return join(this.path, 'tokens.json');
  }
}

export class DataDirectory extends DataFiles {
  /** Creates it when it is not there, for this user alone. @throws UnusableDirectory */
  constructor(path: string) {
    super(path);
    const longest = this.shardSockets(65_535, 999_999).forRouters;
    if (Buffer.byteLength(longest) > socketPathBytesMax) {
      throw new UnusableDirectory(
        `The path of the data directory is too long for Unix sockets: ${longest} has ${Buffer.byteLength(longest)} bytes, but only ${socketPathBytesMax} are allowed. Choose a shorter --data.`,
      );
    }
    try {
      for (const directory of [this.path, this.#run]) {
        makeDirectory(directory);
        accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
      }
    } catch (error) {
      throw new UnusableDirectory(`The data directory ${this.path} cannot be used: ${(error as Error).message}.`, {
        cause: error,
      });
    }
  }

  /**
   * What a database and its write-ahead log take, in bytes; 0 for what is not there yet, null where nobody may look.
   * Opens neither.
   */
  sizesOf(file: string): { readonly fileBytes: number; readonly walBytes: number } | null {
    const bytesOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    try {
      return { fileBytes: bytesOf(file), walBytes: bytesOf(`${file}-wal`) };
    } catch {
      return null;
    }
  }

  /** Room for this user on its file system, in bytes; null where nobody may look. */
  freeBytes(): number | null {
    try {
      const { bavail, bsize } = statfsSync(this.path);
      return bavail * bsize;
    } catch {
      return null;
    }
  }

  get adminSocket(): string {
    return adminSocketOf(this.path);
  }

  /** @param life counts the forks: the socket of a killed process stays, and its successor needs another name */
  shardSockets(shard: number, life: number): ShardSockets {
    const path = (purpose: string) => join(this.#run, `shard-${shard}.${life}.${purpose}`);
    return { forRouters: path('sock'), forMoves: path('move') };
  }

  /** Removes the database of a shard that was removed from the ring, with what SQLite keeps beside it. */
  removeShardFile(shard: number): void {
    for (const suffix of ['', '-wal', '-shm', '-fence', '-acknowledged'])
      rmSync(this.shardFile(shard) + suffix, { force: true });
  }

  /**
   * Those of earlier lives of a shard: a killed process leaves its own behind. What cannot be done is left: each life has
   * names of its own, and a process that cannot listen says why.
   */
  removeSocketsOf(shard: number): void {
    try {
      // Somebody may have removed it.
      if (!existsSync(this.#run)) mkdirSync(this.#run, { mode: 0o700 });
      for (const name of readdirSync(this.#run)) {
        if (name.startsWith(`shard-${shard}.`)) rmSync(join(this.#run, name), { force: true });
      }
    } catch {
      return;
    }
  }

  /** Removes the sockets of killed processes. Call it only while the lock on `meta.sqlite` is held. */
  removeStaleSockets(): void {
    for (const name of readdirSync(this.#run))
      if (/\.(sock|move)$/.test(name)) rmSync(join(this.#run, name), { force: true });
  }

  /** So that `shardctl logs` finds them, also when the service does not run. @param directory undefined for none */
  linkLogs(directory: string | undefined): void {
    const link = logLinkOf(this.path);
    rmSync(link, { force: true });
    if (directory !== undefined) symlinkSync(directory, link);
  }

  get #run(): string {
    return join(this.path, 'run');
  }
}

/**
 * Makes the directory and those above it that are missing, for this user alone. Node's recursive mkdir spins for ever
 * below a directory that exists and takes nothing, such as /proc.
 */
export function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process has made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

export function shardFileIn(directory: string, shard: number): string {
  return join(directory, `shard-${shard}.sqlite`);
}

/** Leads to the directory of the logs of the service that was started last on this data directory, if they are in files. */
export function logLinkOf(data: string): string {
  return join(data, 'run', 'logs');
}

/** The path of the socket on which a service of this data directory listens for operators. */
export function adminSocketOf(data: string): string {
  return join(data, 'run', 'admin.sock');
}

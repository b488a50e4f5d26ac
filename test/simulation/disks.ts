/**
 * Disks: SQLite databases in memory, which a process loses its hold of when it dies, with whatever it had not committed.
 * A process may die right before and right after each commit. A full disk is a database that may not grow. Databases are
 * used again by later worlds, emptied: opening one and preparing its statements takes longer than a small world.
 */

import { Database, FileLocked, WrongFile } from '../../src/sqlite/database.ts';
import type { OpenDatabase } from '../../src/sqlite/open-database.ts';
import { createOrCheck, type Schema } from '../../src/sqlite/schema.ts';
import { AnotherFile, type OpenToRead } from '../../src/sqlite/shard-file-reader.ts';
import type { Life } from './scheduler.ts';

/** Of the primary. */
export const metaPath = 'meta';

/** Small, so that a few rows fill a page and a full disk is felt. */
const pageBytes = 512;
const pagesMax = 2 ** 30;

export class Disk extends Database {
  holder: Life | undefined;
  crashPoint = () => {};
  /** Of a full disk: whether this commit finds none. */
  hasNoRoom = () => true;
  #isFull = false;
  #changesAtBegin = 0;
  /** Whoever commits says when it may die after it. */
  isWatched = false;

  constructor() {
    super(':memory:');
    this.exec(`PRAGMA page_size = ${pageBytes}`);
    this.exec('PRAGMA auto_vacuum = INCREMENTAL');
  }

  override begin(): void {
    super.begin();
    this.#changesAtBegin = this.#changes();
  }

  override commit(): void {
    this.crashPoint();
    // A commit needs room of its own, in the log that is written ahead. What is small may still fit.
    if (this.#isFull && this.#changes() > this.#changesAtBegin && this.hasNoRoom())
      this.prepare('INSERT INTO filler VALUES (zeroblob(100000))').run();
    super.commit();
    if (!this.isWatched) this.crashPoint();
  }

  /** Whoever died within a transaction has left it: SQLite rolls it back before another process reads. */
  override snapshot<T>(read: () => T): T {
    if (!this.holder?.isAlive) this.rollback();
    return super.snapshot(read);
  }

  /** It lies in memory: there is no file to let go of. */
  override close(): void {}

  /** From now on it does not grow, or does again. */
  setFull(isFull: boolean): void {
    if (isFull) this.exec('CREATE TABLE IF NOT EXISTS filler (bytes BLOB)');
    this.#isFull = isFull;
    this.exec(`PRAGMA max_page_count = ${isFull ? 1 : pagesMax}`);
  }

  /** Rows written since it was opened. */
  #changes(): number {
    return this.prepare('SELECT total_changes()').pluck().get() as number;
  }

  /** But for the one that makes it full, and stays empty. */
  get #tables(): string[] {
    const tables = this.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'filler'");
    return tables.pluck().all() as string[];
  }

  /** It is empty, and gets all rows of another disk of its schema. */
  fillFrom(other: Disk): void {
    this.transaction(() => {
      for (const table of this.#tables) {
        const rows = other.prepare(`SELECT * FROM ${table}`).raw().all() as unknown[][];
        for (const row of rows) this.prepare(`INSERT INTO ${table} VALUES (${row.map(() => '?')})`).run(...row);
      }
    });
  }

  wipe(): void {
    this.rollback();
    this.setFull(false);
    this.transaction(() => {
      for (const table of this.#tables) this.prepare(`DELETE FROM ${table}`).run();
    });
    this.exec('PRAGMA incremental_vacuum');
  }
}

type Kept = { readonly disk: Disk; readonly schema: Schema };

/** By the application id of their schema. */
const unused = new Map<number, Disk[]>();

export type DiskChances = { readonly crashPoint: () => void; readonly hasNoRoom: () => boolean };

export class Disks {
  readonly #byPath = new Map<string, Kept>();
  /** Older copies that somebody keeps of disks. */
  readonly #copies = new Map<string, Kept>();
  /** Where whoever opens the disk finds the copy. */
  readonly #exchanged = new Set<string>();
  readonly #chances: DiskChances;

  constructor(chances: DiskChances) {
    this.#chances = chances;
  }

  /** For one process. @throws FileLocked when another one that lives has it */
  openerOf(life: Life): OpenDatabase {
    return (path, schema, { absence } = {}) => {
      const kept = this.isExchanged(path) ? this.#copies : this.#byPath;
      const found = kept.get(path)?.disk;
      if (found === undefined && absence === 'refuse') throw new WrongFile(`${path} is missing.`);
      const disk = found ?? this.#create(path, schema);
      if (disk.holder?.isAlive && disk.holder !== life) throw new FileLocked(`${path} is held by ${disk.holder.name}`);
      disk.rollback();
      disk.holder = life;
      createOrCheck(disk, path, schema);
      return disk;
    };
  }

  /** For routers: of what is committed they see all, and nothing else. */
  readonly openToRead: OpenToRead = (path) => {
    const opened = this.#byPath.get(path);
    if (opened === undefined) throw new AnotherFile(`there is no disk ${path}`);
    return { db: opened.disk, isInPlace: () => this.#byPath.get(path) === opened };
  };

  get paths(): string[] {
    return [...this.#byPath.keys()];
  }

  at(path: string): Disk | undefined {
    return this.#byPath.get(path)?.disk;
  }

  remove(path: string): void {
    this.putBack(path);
    for (const kept of [this.#byPath, this.#copies]) {
      const found = kept.get(path);
      kept.delete(path);
      if (found !== undefined) letGo(found);
    }
  }

  /** Of what lies there now. */
  keepCopy(path: string): void {
    const { disk, schema } = this.#byPath.get(path) as Kept;
    const copy = newDisk(path, schema);
    copy.fillFrom(disk);
    this.#copies.set(path, { disk: copy, schema });
  }

  copyOf(path: string): Disk | undefined {
    return this.#copies.get(path)?.disk;
  }

  /** From now on whoever opens it finds the copy. */
  exchange(path: string): void {
    this.#exchanged.add(path);
  }

  isExchanged(path: string): boolean {
    return this.#exchanged.has(path);
  }

  putBack(path: string): void {
    this.#exchanged.delete(path);
  }

  putAllBack(): void {
    this.#exchanged.clear();
  }

  /** The world is over. */
  removeAll(): void {
    for (const path of [...this.#byPath.keys()]) this.remove(path);
  }

  freeAll(): void {
    for (const { disk } of this.#byPath.values()) disk.setFull(false);
  }

  #create(path: string, schema: Schema): Disk {
    const disk = newDisk(path, schema);
    disk.crashPoint = this.#chances.crashPoint;
    disk.hasNoRoom = this.#chances.hasNoRoom;
    this.#byPath.set(path, { disk, schema });
    return disk;
  }
}

function newDisk(path: string, schema: Schema): Disk {
  const disk = unused.get(schema.applicationId)?.pop() ?? new Disk();
  disk.transaction(() => createOrCheck(disk, path, schema));
  return disk;
}

function letGo({ disk, schema: { applicationId } }: Kept): void {
  disk.crashPoint = () => {};
  disk.wipe();
  disk.holder = undefined;
  unused.set(applicationId, [...(unused.get(applicationId) ?? []), disk]);
}

/**
 * The disks of a world, which a process loses its hold of when it dies, with whatever it had not committed. Databases are
 * used again by later worlds, emptied: opening one and preparing its statements takes longer than a small world.
 */

import { FileLocked, WrongFile } from '../../src/sqlite/database.ts';
import type { OpenDatabase } from '../../src/sqlite/open-database.ts';
import { createOrCheck, type Schema } from '../../src/sqlite/schema.ts';
import { AnotherFile, type OpenToRead } from '../../src/sqlite/shard-file-reader.ts';
import { SimulatedDisk } from './adapters/simulated-disk.ts';
import type { Life } from './scheduler.ts';

/** Of the primary. */
export const metaPath = 'meta';

/** Of a shard's file. */
export function pathOf(shard: number): string {
  return `${shard}`;
}

type Kept = { readonly disk: SimulatedDisk; readonly schema: Schema };

/** By the application id of their schema. */
const unused = new Map<number, SimulatedDisk[]>();

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
    return { db: opened.disk, isInPlace: () => this.#byPath.get(path) === opened, acknowledgedLsn: 0 };
  };

  get paths(): string[] {
    return [...this.#byPath.keys()];
  }

  at(path: string): SimulatedDisk | undefined {
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
    fill(copy, disk);
    this.#copies.set(path, { disk: copy, schema });
  }

  copyOf(path: string): SimulatedDisk | undefined {
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

  #create(path: string, schema: Schema): SimulatedDisk {
    const disk = newDisk(path, schema);
    disk.crashPoint = this.#chances.crashPoint;
    disk.hasNoRoom = this.#chances.hasNoRoom;
    this.#byPath.set(path, { disk, schema });
    return disk;
  }
}

function newDisk(path: string, schema: Schema): SimulatedDisk {
  const disk = unused.get(schema.applicationId)?.pop() ?? new SimulatedDisk();
  disk.transaction(() => createOrCheck(disk, path, schema));
  return disk;
}

function letGo({ disk, schema: { applicationId } }: Kept): void {
  disk.crashPoint = () => {};
  wipe(disk);
  disk.holder = undefined;
  unused.set(applicationId, [...(unused.get(applicationId) ?? []), disk]);
}

/** But for the one that makes it full, and stays empty. */
function tablesOf(disk: SimulatedDisk): string[] {
  const tables = disk.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'filler'");
  return tables.pluck().all() as string[];
}

/** It is empty, and gets all rows of another disk of its schema. */
function fill(disk: SimulatedDisk, other: SimulatedDisk): void {
  disk.transaction(() => {
    for (const table of tablesOf(disk)) {
      const rows = other.prepare(`SELECT * FROM ${table}`).raw().all() as unknown[][];
      for (const row of rows) disk.prepare(`INSERT INTO ${table} VALUES (${row.map(() => '?')})`).run(...row);
    }
  });
}

function wipe(disk: SimulatedDisk): void {
  disk.rollback();
  disk.setFull(false);
  disk.transaction(() => {
    for (const table of tablesOf(disk)) disk.prepare(`DELETE FROM ${table}`).run();
  });
  disk.exec('PRAGMA incremental_vacuum');
}

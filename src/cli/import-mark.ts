/**
 * Keeps how far the import of a file has come, as FILE.import beside it, for `--resume`. The mark names the service by
 * its id and the file by its size and the digest of what was imported, so that no line is skipped that this service
 * has not got. It is removed when the import ends.
 *
 * A mark is one write of less than a page at the beginning of the file: a killed import leaves the mark before or the
 * mark after. Two imports of one file to one service overwrite each other's marks, which is sound: both are true.
 */

import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import type { ServiceStatus } from '../admin/contract.ts';
import { integer, objectOf, parsed, type ShapeOf, text } from '../supervision/shape.ts';
import { CliFailure, exitCodes } from './exit.ts';
import type { Tally } from './importer.ts';
import type { LineMark } from './line-reader.ts';

export type ImportProgress = {
  /** What became of the lines up to here is in `tally`. */
  readonly mark: LineMark;
  readonly tally: Tally;
};

const keptMark = objectOf({
  /** Id of the service that has the lines. */
  service: text,
  /** Its data directory at that time: for people. */
  data: text,
  fileBytes: integer,
  /** SHA-256 of the file up to the mark, in hexadecimal digits. */
  imported: text,
  mark: objectOf({ number: integer, endOffset: integer }),
  tally: objectOf({ created: integer, replaced: integer, expired: integer, refused: integer, valueBytes: integer }),
});
type KeptMark = ShapeOf<typeof keptMark>;

export type ImportMarkOptions = {
  readonly file: { readonly path: string; readonly bytes: number };
  readonly service: Pick<ServiceStatus, 'service' | 'data'>;
  /** Called once, with a sentence; the import goes on without a mark. */
  readonly onUnwritable: (why: string) => void;
};

const saveIntervalMs = 200;
/** Every mark is padded with spaces to this size, so that a shorter one covers the longer one before it. */
const markBytes = 1_024;

export class ImportMark {
  readonly #options: ImportMarkOptions;
  readonly #path: string;
  readonly #digest: DigestOfBeginning;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  #descriptor: number | undefined;
  #isUnwritable = false;

  constructor(options: ImportMarkOptions) {
    this.#options = options;
    this.#path = `${options.file.path}.import`;
    this.#digest = new DigestOfBeginning(options.file.path);
  }

  /**
   * Undefined when no import of this file was interrupted.
   * @throws CliFailure when it was another file then, or another service
   */
  read(): ImportProgress | undefined {
    const kept = this.#kept();
    if (kept === undefined) return undefined;
    const { file, service } = this.#options;
    if (kept.service !== service.service) throw this.#unfit(`it went to another service, which was in ${kept.data}`);
    if (kept.fileBytes !== file.bytes || kept.imported !== this.#digest.upTo(kept.mark.endOffset)) {
      throw this.#unfit('the file has changed since');
    }
    return kept;
  }

  /** May be called for each window: it writes five times a second at most. */
  save(progress: ImportProgress): void {
    const nowMs = performance.now();
    if (this.#isUnwritable || nowMs - this.#savedAtMs < saveIntervalMs) return;
    this.#savedAtMs = nowMs;
    const { file, service } = this.#options;
    const mark: KeptMark = {
      service: service.service,
      data: service.data,
      fileBytes: file.bytes,
      imported: this.#digest.upTo(progress.mark.endOffset),
      ...progress,
    };
    try {
      this.#descriptor ??= openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o666);
      writeSync(this.#descriptor, JSON.stringify(mark).padEnd(markBytes), 0);
    } catch (error) {
      this.#isUnwritable = true;
      this.#options.onUnwritable(`${this.#path} cannot be written: ${(error as Error).message}`);
    }
  }

  /** Call it when the import is complete. */
  remove(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    rmSync(this.#path, { force: true });
  }

  #kept(): KeptMark | undefined {
    try {
      const kept = readFileSync(this.#path, 'utf8');
      // An empty file is left by an import that was killed between creating and writing it.
      return kept === '' ? undefined : parsed(keptMark, JSON.parse(kept), 'the mark');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.#unfit(`its mark cannot be read (${(error as Error).message})`);
    }
  }

  #unfit(why: string): CliFailure {
    return new CliFailure(
      exitCodes.failed,
      `The import cannot go on where it was: ${why}. Without --resume it begins again; ${this.#path} is of no more use.`,
    );
  }
}

/** Computes the SHA-256 of the beginning of a file, further with each call. It reads each byte once. */
class DigestOfBeginning {
  readonly #path: string;
  readonly #hash = createHash('sha256');
  readonly #chunk = Buffer.alloc(256 * 1024);
  #descriptor: number | undefined;
  #hashedBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** @param endOffset in bytes, not before that of the call before */
  upTo(endOffset: number): string {
    this.#descriptor ??= openSync(this.#path, 'r');
    while (this.#hashedBytes < endOffset) {
      const wanted = Math.min(this.#chunk.length, endOffset - this.#hashedBytes);
      const found = readSync(this.#descriptor, this.#chunk, 0, wanted, this.#hashedBytes);
      // The file has become shorter. The digest will not match, which is right.
      if (found === 0) break;
      this.#hash.update(this.#chunk.subarray(0, found));
      this.#hashedBytes += found;
    }
    return this.#hash.copy().digest('hex');
  }
}

/**
 * How far the import of a file has come, kept beside it as FILE.import: `--resume` goes on from there. The mark knows
 * the service by its id and the file by its size and the digest of what was imported of it, so that no line is skipped
 * that this service has not got. Removed at the end.
 *
 * It is one write of less than a page at a fixed place: a killed import leaves the mark before or the mark after, and
 * two imports of one file to one service may leave either's, since both are true.
 */

import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import type { ServiceStatus } from '../admin/contract.ts';
import { integer, objectOf, parsed, type ShapeOf, text } from '../supervision/shape.ts';
import { CliFailure, exitCodes } from './exit.ts';
import type { Tally } from './importer.ts';
import type { LineMark } from './line-reader.ts';

export type ImportProgress = {
  /** Every line up to here has come to what `tally` says. */
  readonly mark: LineMark;
  readonly tally: Tally;
};

const keptMark = objectOf({
  /** Id of the service. */
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
/** Spaces fill it up, so that no mark leaves the end of a longer one behind it. A path has some hundred bytes. */
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
      throw this.#unfit('the file has changed since then');
    }
    return kept;
  }

  /** Now and then: cheap enough to be called for each window. */
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

  /** Every line has come to something: there is nothing to go on with. */
  remove(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    rmSync(this.#path, { force: true });
  }

  #kept(): KeptMark | undefined {
    try {
      const kept = readFileSync(this.#path, 'utf8');
      // Empty: killed after it was made and before anything was written to it.
      return kept === '' ? undefined : parsed(keptMark, JSON.parse(kept), 'the mark');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.#unfit(`what was kept of it cannot be read (${(error as Error).message})`);
    }
  }

  #unfit(why: string): CliFailure {
    return new CliFailure(
      exitCodes.failed,
      `The import cannot go on where it was: ${why}. Without --resume it begins again; ${this.#path} is of no more use.`,
    );
  }
}

/** SHA-256 of the first bytes of a file, further and further. Each byte is read once more than for the import. */
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
      // The file has become shorter: what is found is no digest of what was.
      if (found === 0) break;
      this.#hash.update(this.#chunk.subarray(0, found));
      this.#hashedBytes += found;
    }
    return this.#hash.copy().digest('hex');
  }
}

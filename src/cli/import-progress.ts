/**
 * How far the import of a file has come, kept beside it as FILE.import: `--resume` goes on from there. Replaced as a
 * whole, so that a killed import leaves the one before or the one after, and removed at the end.
 */

import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { CliFailure, exitCodes } from './exit.ts';
import type { Tally } from './importer.ts';
import type { LineMark } from './line-reader.ts';

export type ImportProgress = {
  /** Every line up to here has come to what `tally` says. */
  readonly mark: LineMark;
  readonly tally: Tally;
};

/** Which file goes to which service. */
type Identity = { readonly fileBytes: number; readonly modifiedAtMs: number; readonly data: string };

const saveIntervalMs = 200;

export class ImportProgressFile {
  readonly #path: string;
  readonly #identity: Identity;
  #savedAtMs = Number.NEGATIVE_INFINITY;

  /** @param data directory of the service */
  constructor(file: string, data: string) {
    this.#path = `${file}.import`;
    const { size, mtimeMs } = statSync(file);
    this.#identity = { fileBytes: size, modifiedAtMs: mtimeMs, data };
  }

  get fileBytes(): number {
    return this.#identity.fileBytes;
  }

  /**
   * Undefined when no import of this file was interrupted.
   * @throws CliFailure when it was another file then, or another service
   */
  read(): ImportProgress | undefined {
    const kept = this.#kept();
    if (kept === undefined) return undefined;
    const { fileBytes, modifiedAtMs, data } = this.#identity;
    if (kept.fileBytes !== fileBytes || kept.modifiedAtMs !== modifiedAtMs) {
      throw this.#unfit('the file has changed since then');
    }
    if (kept.data !== data) throw this.#unfit(`it went to the service in ${kept.data}`);
    return kept;
  }

  /** Now and then: cheap enough to be called for each window. */
  save(progress: ImportProgress): void {
    const nowMs = performance.now();
    if (nowMs - this.#savedAtMs < saveIntervalMs) return;
    this.#savedAtMs = nowMs;
    writeFileSync(`${this.#path}.new`, JSON.stringify({ ...this.#identity, ...progress }));
    renameSync(`${this.#path}.new`, this.#path);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
    rmSync(`${this.#path}.new`, { force: true });
  }

  #kept(): (Identity & ImportProgress) | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return JSON.parse(text) as Identity & ImportProgress;
    } catch {
      throw this.#unfit('what was kept of it cannot be read');
    }
  }

  #unfit(why: string): CliFailure {
    return new CliFailure(
      exitCodes.failed,
      `The import cannot go on where it was: ${why}. Without --resume it begins again; ${this.#path} is of no more use.`,
    );
  }
}

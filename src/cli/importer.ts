/**
 * Writes entries through the REST API, many in one batch (a window), and several windows at once. A window that is not
 * acknowledged is sent again: putting the same value twice does no harm. Entries of one key are written in the order of
 * their lines, so a window waits until earlier windows with one of its keys are acknowledged.
 */

import { KvError } from '../kv/errors.ts';
import { batchLineOf, entryOfLine, withoutByteOrderMark } from './import-line.ts';
import type { Line, LineMark } from './line-reader.ts';
import { isPassing } from './next-step.ts';
import { Patience } from './patience.ts';
import { type Put, type PutResult, putEntries } from './put-entries.ts';
import { type Problem, problemText, type RestApi } from './rest-client.ts';

/** Half of what a batch may have: the commit of a window should not keep clients waiting. */
const windowEntriesMax = 500;
/** Of batch lines. With the number of windows it bounds the memory, except for single values that are larger. */
const windowBytesMax = 1024 * 1024;
/** One is parsed here while others are on their way, in a router and in a commit. */
const windowsUnderWayMax = 4;

/** What became of the lines. Each line is counted once. */
export type Tally = {
  readonly created: number;
  readonly replaced: number;
  /** Their `expiresAt` had passed, so they were not written. */
  readonly expired: number;
  readonly refused: number;
  /** Sum of the values that were written, in bytes. */
  readonly valueBytes: number;
};

export const nothingYet: Tally = { created: 0, replaced: 0, expired: 0, refused: 0, valueBytes: 0 };

export type Refusal = Problem & { readonly line: number };

export type ImporterEvents = {
  readonly onRefused: (refusal: Refusal) => void;
  /** The tally holds what became of every line up to the mark. */
  readonly onAcknowledged: (mark: LineMark, tally: Tally) => void;
};

type Pending = Put & { readonly kind: 'put'; readonly line: number; readonly name: string };

type Window = {
  readonly pending: Pending[];
  readonly tally: { -readonly [K in keyof Tally]: Tally[K] };
  bytes: number;
  mark: LineMark;
  isSettled: boolean;
};

export class Importer {
  readonly #api: RestApi;
  readonly #events: ImporterEvents;
  #tally: Tally;
  #open: Window | undefined;
  /** In the order of their lines. A settled window stays until all before it are settled. */
  readonly #windows: Window[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #lastOfKey = new Map<string, Promise<void>>();
  readonly #patience: Patience;
  #failure: { readonly error: unknown } | undefined;

  /** @param tally what became of the lines before the first that will be added */
  constructor(api: RestApi, tally: Tally, events: ImporterEvents) {
    this.#api = api;
    this.#patience = new Patience(api.deadlineMs);
    this.#tally = tally;
    this.#events = events;
  }

  /**
   * Resolves when the next line may be added.
   * @throws CliFailure when the service has acknowledged nothing until the deadline
   */
  async add(line: Line): Promise<void> {
    const found = foundIn(line);
    if (found.kind === 'put') {
      if ((this.#open?.bytes ?? 0) + found.batchLine.length > windowBytesMax) await this.#close();
      // Looked up after closing: the window that was just closed may have this key too.
      const before = this.#lastOfKey.get(found.name);
      if (before !== undefined) {
        await this.#close();
        await before;
      }
    }
    // Not earlier: a window that was closed above does not contain this line, so its mark must not.
    this.#open ??= { pending: [], tally: { ...nothingYet }, bytes: 0, mark: line, isSettled: false };
    this.#open.mark = { number: line.number, endOffset: line.endOffset };
    if (found.kind === 'put') {
      this.#open.pending.push(found);
      this.#open.bytes += found.batchLine.length;
    } else if (found.kind === 'expired') this.#open.tally.expired++;
    else this.#refuse(this.#open, found);
    if (this.#open.pending.length >= windowEntriesMax) await this.#close();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Resolves when every line was written or refused. @throws CliFailure */
  async end(): Promise<Tally> {
    await this.#close();
    await Promise.all(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#tally;
  }

  /** Sends the open window. Resolves when the next one may be opened. */
  async #close(): Promise<void> {
    const window = this.#open;
    if (window === undefined) return;
    this.#open = undefined;
    this.#windows.push(window);
    const settled = this.#settle(window, window.pending)
      .then(() => {
        window.isSettled = true;
        this.#acknowledge();
      })
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#underWay.delete(settled);
        for (const { name } of window.pending) {
          if (this.#lastOfKey.get(name) === settled) this.#lastOfKey.delete(name);
        }
      });
    this.#underWay.add(settled);
    for (const { name } of window.pending) this.#lastOfKey.set(name, settled);
    if (this.#underWay.size >= windowsUnderWayMax) await Promise.race(this.#underWay);
  }

  #acknowledge(): void {
    for (let first = this.#windows[0]; first?.isSettled; first = this.#windows[0]) {
      this.#windows.shift();
      this.#tally = sumOf(this.#tally, first.tally);
      this.#events.onAcknowledged(first.mark, this.#tally);
    }
  }

  /** Sends entries until each was written or refused. */
  async #settle(window: Window, pending: readonly Pending[]): Promise<void> {
    let left = pending;
    for (let attempt = 1; left.length > 0; attempt++) {
      const results = await putEntries(this.#api, left);
      if (results === 'one-is-refused') {
        // Halving finds the refused entry.
        const half = Math.ceil(left.length / 2);
        await this.#settle(window, left.slice(0, half));
        return this.#settle(window, left.slice(half));
      }
      const again: Pending[] = [];
      const namesAgain = new Set<string>();
      for (const [index, one] of left.entries()) {
        const result = results[index] as PutResult;
        // Later entries of the same key are sent again too, so that they stay the later ones.
        if (namesAgain.has(one.name) || isForLater(result)) {
          again.push(one);
          namesAgain.add(one.name);
        } else this.#count(window, one, result);
      }
      left = again;
      if (left.length === 0) return;
      await this.#patience.beforeAsking(attempt, failureText(results.find(isForLater)));
    }
  }

  #count(window: Window, { line, entry }: Pending, result: PutResult): void {
    this.#patience.answered();
    if (result.kind !== 'failed') {
      window.tally[result.kind]++;
      window.tally.valueBytes += entry.value.length;
    } else if (entry.expiresAt !== undefined && entry.expiresAt <= Date.now()) window.tally.expired++;
    else this.#refuse(window, { line, code: result.code, detail: result.detail });
  }

  #refuse(window: Window, refusal: Refusal): void {
    window.tally.refused++;
    this.#events.onRefused(refusal);
  }
}

/** Parses one line. */
function foundIn({
  number,
  bytes,
}: Line): Pending | { readonly kind: 'expired' } | ({ readonly kind: 'refused' } & Refusal) {
  try {
    const entry = entryOfLine(number === 1 ? withoutByteOrderMark(bytes) : bytes);
    if (entry.expiresAt !== undefined && entry.expiresAt <= Date.now()) return { kind: 'expired' };
    return { kind: 'put', line: number, entry, name: entry.key.toString('latin1'), batchLine: batchLineOf(entry) };
  } catch (error) {
    if (error instanceof KvError) return { kind: 'refused', line: number, code: error.code, detail: error.message };
    throw error;
  }
}

function isForLater(result: PutResult): boolean {
  return result.kind === 'failed' && isPassing(result.code);
}

function failureText(result: PutResult | undefined): string {
  return result?.kind === 'failed' ? problemText(result) : '';
}

function sumOf(one: Tally, other: Tally): Tally {
  return {
    created: one.created + other.created,
    replaced: one.replaced + other.replaced,
    expired: one.expired + other.expired,
    refused: one.refused + other.refused,
    valueBytes: one.valueBytes + other.valueBytes,
  };
}

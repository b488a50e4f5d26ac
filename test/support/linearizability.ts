/**
 * Decides whether a history is linearizable: whether each operation can be given one moment between its invocation
 * and its answer, so that one plain map, asked in the order of these moments, would have answered the same.
 *
 * Keys are independent, so each is searched alone. The search is Wing and Gong's ("Testing and verifying concurrent
 * objects", 1993) with Lowe's just-in-time linearization and memory of configurations ("Testing for linearizability",
 * 2017), as in Porcupine: place one operation after the other, always one that was invoked before the first deadline
 * still open; where none fits, go back; never search a configuration twice.
 *
 * The service chooses the versions. Those of one key only grow, deletes included, and a version that nobody was told
 * is one that no condition names. Gaps prove nothing: other keys use versions up too.
 *
 * Two laws leave next to no choice: a write that was told a version waits for those that were told lower ones; and
 * as no value ever comes back, no write is placed while a get is left that returned the held value.
 *
 * Three cuts skip orders that are no better than another one. Of all orders that complete a configuration, take one
 * with the fewest ambiguous writes:
 *   1. An open observation (a get, or a refused write) that agrees with the key may as well go first: it changes
 *      nothing, and whatever has to precede it is placed.
 *   2. Twins are writes under the same condition that leave the same: the key absent, or a value under a version that
 *      nobody was told, whose gets, if any, are all open and go right after it. Open twins can trade places: before
 *      the one with the first deadline is placed, nothing goes that was invoked after that deadline. So this one goes
 *      first, and ambiguous ones last, in the order of their invocation. It is then enough to count those spent, and
 *      what can be completed after more were spent can be after fewer.
 *   3. An ambiguous write that nobody read is placed only where a certain operation agrees with the key after it but
 *      not before. Proof: what follows it in the order? Nothing: leave it out. A write that agrees before it too:
 *      this hides it, leave it out. An observation that agrees before it too: this goes first, by 1. So what follows
 *      agrees only after it. If that is ambiguous itself, it is a put-if-absent after a delete, there for an
 *      observation that agrees with the value but not with absence: a refused put-if-absent. But that agreed before
 *      both, and goes first. (An ambiguous write has no deadline: placing it opens no operation.)
 *   Thus an ambiguous put that nobody read is not even tried on a key where no condition was refused.
 */

import { describeOperation, type Operation } from './history.ts';
import { absent, agrees, type DeadEnd, type Entry, type Facts, factsOf, type Holder, twinsOf } from './key-facts.ts';

export type Refusal = { readonly ok: false; readonly key: string } & DeadEnd;

export type Verdict =
  | { readonly ok: true; readonly keys: number; readonly operations: number }
  | Refusal
  /** The search of this key was given up, and no other key was refused. */
  | { readonly ok: 'unknown'; readonly key: string };

const remainingMax = 16;

/**
 * @param stepsMax configurations of one key to look at before its search is given up; each takes some hundred bytes
 * @throws RangeError when no client can have recorded this: a value written twice, or an answer before its question
 */
export function checkHistory(
  operations: readonly Operation[],
  { stepsMax = 1_000_000 }: { readonly stepsMax?: number } = {},
): Verdict {
  const keys = new Map<string, Operation[]>();
  const values = new Set<string>();
  for (const operation of operations) {
    const { key, invokedAtMs, completedAtMs = Number.POSITIVE_INFINITY } = operation;
    if (!(Number.isFinite(invokedAtMs) && invokedAtMs <= completedAtMs)) {
      throw new RangeError(`${describeOperation(operation)} runs from ${invokedAtMs} to ${completedAtMs} ms`);
    }
    if ('value' in operation) {
      if (values.has(operation.value))
        throw new RangeError(`${describeOperation(operation)}: no value may be written twice`);
      values.add(operation.value);
    }
    const ofKey = keys.get(key);
    if (ofKey === undefined) keys.set(key, [operation]);
    else ofKey.push(operation);
  }

  let unknown: Verdict | undefined;
  for (const [key, ofKey] of keys) {
    const outcome = searchKey(ofKey, stepsMax);
    if (outcome === 'unknown') unknown ??= { ok: 'unknown', key };
    else if (outcome !== 'explained') return { ok: false, key, ...outcome };
  }
  return unknown ?? { ok: true, keys: keys.size, operations: operations.length };
}

function searchKey(operations: readonly Operation[], stepsMax: number): 'explained' | 'unknown' | DeadEnd {
  const facts = factsOf(operations);
  if ('reason' in facts) return facts;
  const search = new Search(facts);
  let isExplained = search.run(Math.min(stepsMax, 10 * operations.length));
  if (isExplained === 'unknown') {
    // Many ambiguous writes to trade against each other make a long search. If each could be done over and over, there
    // would be nothing to count: that search is short, and where even it finds no order, there is none.
    const lavish = new Search(factsOf(operations) as Facts, 0);
    isExplained = lavish.run(stepsMax) === false ? false : search.run(stepsMax);
  }
  if (isExplained === 'unknown') return 'unknown';
  return isExplained ? 'explained' : search.deadEnd();
}

/** Ambiguous writes that can trade places, in the order of their invocation: the first ones are spent. */
type Twins = { readonly entries: Entry[]; spent: number };
/** Those that need a count. One with a condition on a version uses that version up. */
const countedTwins = [twinsOf('delete'), twinsOf('put-if-absent'), twinsOf('put')];

/** An entry in the order, and what taking it back restores. */
type Placed = { readonly entry: Entry; readonly holder: Holder; readonly due: number };

/**
 * The search of one key. A configuration is: which certain entries are placed, what the key then holds, and how many
 * ambiguous twins are spent.
 */
class Search {
  readonly #entries: readonly Entry[];
  readonly #versioned: readonly Entry[];
  readonly #byDeadline: readonly Entry[];
  readonly #ambiguous = new Map<string, Twins>();
  /** What placing an ambiguous write spends. */
  readonly #price: 0 | 1;
  /** The certain entries left, by index, in the order of their invocation: a ring that begins and ends at #ringEnd. */
  readonly #after: Int32Array;
  readonly #before: Int32Array;
  readonly #ringEnd: number;

  #holder = absent;
  /** The place in #byDeadline of the first entry left. */
  #due = 0;
  #versionedPlaced = 0;
  readonly #placed: Placed[] = [];
  #longest: readonly Placed[] = [];
  readonly #choices: { readonly moves: Entry[]; readonly placed: number }[] = [];
  /** Each configuration but for the counts → the counts with which it was searched. */
  readonly #memory = new Map<string, number[][]>();
  #stepsTried = 0;

  constructor({ entries, versioned }: Facts, price: 0 | 1 = 1) {
    this.#entries = entries;
    this.#versioned = versioned;
    this.#price = price;
    const certain = entries.filter(({ isCertain }) => isCertain);
    this.#byDeadline = certain.toSorted((a, b) => a.deadlineMs - b.deadlineMs);

    this.#ringEnd = entries.length;
    const ring = [this.#ringEnd, ...certain.map(({ index }) => index), this.#ringEnd];
    this.#after = new Int32Array(entries.length + 1);
    this.#before = new Int32Array(entries.length + 1);
    for (let at = 1; at < ring.length; at++) {
      this.#after[ring[at - 1] as number] = ring[at] as number;
      this.#before[ring[at] as number] = ring[at - 1] as number;
    }

    for (const entry of entries) {
      if (entry.isCertain || entry.leaves === undefined) continue;
      const twins = this.#ambiguous.get(entry.twins);
      if (twins === undefined) this.#ambiguous.set(entry.twins, { entries: [entry], spent: 0 });
      else twins.entries.push(entry);
    }
  }

  /** Whether there is an order; 'unknown' when that many steps did not tell. Another run goes on from there. */
  run(stepsMax: number): boolean | 'unknown' {
    for (;;) {
      this.#placeObservations();
      if (this.#due === this.#byDeadline.length) return true;
      if (this.#stepsTried === stepsMax) return 'unknown';
      this.#stepsTried++;
      const open = this.#open();
      const moves = this.#remember(open) ? this.#moves(open) : [];
      if (moves.length === 0 && this.#placed.length > this.#longest.length) this.#longest = this.#placed.slice();
      this.#choices.push({ moves, placed: this.#placed.length });
      if (!this.#tryNext()) return false;
    }
  }

  /** The longest order, what has no place in it, and why. */
  deadEnd(): DeadEnd {
    const placed = this.#longest.map(({ entry }) => entry);
    const left = new Set(this.#byDeadline);
    for (const entry of placed) left.delete(entry);
    const lastWrite = placed.findLast(({ leaves }) => leaves !== undefined);
    return {
      reason: reasonOf([...left], lastWrite),
      longestPrefix: placed.map(({ operation }) => operation),
      remaining: [...left].slice(0, remainingMax).map(({ operation }) => operation),
    };
  }

  /** Makes the next move of the last choice that has one left; false when none has. */
  #tryNext(): boolean {
    for (let choice = this.#choices.at(-1); choice !== undefined; choice = this.#choices.at(-1)) {
      while (this.#placed.length > choice.placed) this.#takeBack();
      const move = choice.moves.shift();
      if (move !== undefined) {
        this.#place(move);
        return true;
      }
      this.#choices.pop();
    }
    return false;
  }

  /** The certain entries left that were invoked before the first deadline left: no other can be next. */
  #open(): Entry[] {
    const open: Entry[] = [];
    for (let at = this.#after[this.#ringEnd] as number; at !== this.#ringEnd; at = this.#after[at] as number) {
      const entry = this.#entries[at] as Entry;
      if (!this.#isInvoked(entry)) break;
      open.push(entry);
    }
    return open;
  }

  #isInvoked({ operation }: Entry): boolean {
    return operation.invokedAtMs <= (this.#byDeadline[this.#due] as Entry).deadlineMs;
  }

  /** Cut 1. */
  #placeObservations(): void {
    for (let before = -1; before !== this.#placed.length && this.#due < this.#byDeadline.length; ) {
      before = this.#placed.length;
      for (const entry of this.#open()) {
        if (entry.leaves === undefined && agrees(entry, this.#holder)) this.#place(entry);
      }
    }
  }

  /** The writes that may come next: by deadline, the ambiguous ones last. */
  #moves(open: readonly Entry[]): Entry[] {
    const holder = this.#holder;
    if (holder.readsLeft > 0) return [];
    const openReads = new Map<Entry, number>();
    for (const { source } of open) if (source !== undefined) openReads.set(source, (openReads.get(source) ?? 0) + 1);

    // Cut 2.
    const firstTwins = new Map<string, Entry>();
    for (const entry of open) {
      if (!agrees(entry, holder)) continue;
      if (entry.version !== undefined && entry !== this.#versioned[this.#versionedPlaced]) continue;
      const hasTwins = entry.version === undefined && entry.readsLeft === (openReads.get(entry) ?? 0);
      const name = hasTwins ? entry.twins : `${entry.index}`;
      const twin = firstTwins.get(name);
      if (twin === undefined || entry.deadlineMs < twin.deadlineMs) firstTwins.set(name, entry);
    }
    const moves = [...firstTwins.values()].sort((a, b) => a.deadlineMs - b.deadlineMs);

    const { version } = holder;
    for (const name of [...countedTwins, twinsOf('delete-if-version', version), twinsOf('put-if-version', version)]) {
      const twins = firstTwins.has(name) ? undefined : this.#ambiguous.get(name);
      const entry = twins?.entries[twins.spent];
      if (entry === undefined || !this.#isInvoked(entry) || !agrees(entry, holder)) continue;
      // Cut 3.
      const leaves = entry.leaves as Holder;
      if (open.some((other) => !agrees(other, holder) && agrees(other, leaves))) moves.push(entry);
    }
    return moves;
  }

  /** Notes the present configuration; false when it was searched before, with no more spent. */
  #remember(open: readonly Entry[]): boolean {
    // All that was invoked before the first deadline left is placed, but for what is open, and nothing else is.
    const configuration = `${this.#due} ${this.#holder.index} ${open.map(({ index }) => index).join()}`;
    const spent = countedTwins.map((name) => this.#ambiguous.get(name)?.spent ?? 0);
    const searched = this.#memory.get(configuration);
    if (searched === undefined) this.#memory.set(configuration, [spent]);
    else if (searched.some((counts) => counts.every((count, index) => count <= (spent[index] as number)))) return false;
    else searched.push(spent);
    return true;
  }

  #place(entry: Entry): void {
    this.#placed.push({ entry, holder: this.#holder, due: this.#due });
    this.#holder = entry.leaves ?? this.#holder;
    if (entry.source !== undefined) entry.source.readsLeft--;
    if (!entry.isCertain) {
      (this.#ambiguous.get(entry.twins) as Twins).spent += this.#price;
      return;
    }
    this.#after[this.#before[entry.index] as number] = this.#after[entry.index] as number;
    this.#before[this.#after[entry.index] as number] = this.#before[entry.index] as number;
    entry.isPlaced = true;
    while (this.#byDeadline[this.#due]?.isPlaced) this.#due++;
    if (entry.version !== undefined) this.#versionedPlaced++;
  }

  /** Undoes the last #place: the entry still knows its neighbours in the ring. */
  #takeBack(): void {
    const { entry, holder, due } = this.#placed.pop() as Placed;
    this.#holder = holder;
    if (entry.source !== undefined) entry.source.readsLeft++;
    if (!entry.isCertain) {
      (this.#ambiguous.get(entry.twins) as Twins).spent -= this.#price;
      return;
    }
    this.#after[this.#before[entry.index] as number] = entry.index;
    this.#before[this.#after[entry.index] as number] = entry.index;
    entry.isPlaced = false;
    this.#due = due;
    if (entry.version !== undefined) this.#versionedPlaced--;
  }
}

/** Why nothing can follow the last write: the most urgent of the certain entries left cannot. */
function reasonOf(left: readonly Entry[], lastWrite: Entry | undefined): string {
  const due = left[0] as Entry;
  const deadline = `${describeOperation(due.operation)} must take effect by ${due.deadlineMs.toFixed(3)} ms`;
  const reader = due.leaves && left.find(({ source }) => source !== undefined && source === lastWrite);
  if (reader) return `${deadline}, but what it replaces is read after it: ${describeOperation(reader.operation)}`;
  const lower = left.find(({ version = Number.POSITIVE_INFINITY }) => version < (due.version ?? 0));
  if (lower) return `${deadline}, but a lower version came after it: ${describeOperation(lower.operation)}`;
  return `${deadline}, but the last write was ${lastWrite ? describeOperation(lastWrite.operation) : 'none'}`;
}

/**
 * The checker's own test: bugs that one could have made, each as an edit of the built JavaScript. Most are in the
 * product's own `moves/`; those in input and output, which the simulator mirrors, are edits of the mirror and say so.
 */

export type Mutant = {
  readonly name: string;
  /** What the edits are made to: the product, or the simulator's mirror of it. */
  readonly of: 'product' | 'mirror';
  readonly edits: readonly Edit[];
};

/** Replaces the one place in a file under `dist` where this text stands. */
type Edit = { readonly file: string; readonly find: string; readonly replace: string };

const source = 'src/rebalance/source.js';
const target = 'src/rebalance/target.js';
const sums = 'src/rebalance/slot-sums.js';
const coordinator = 'src/rebalance/coordinator.js';
const records = 'src/kv/write-record.js';
const file = 'test/simulation/simulated-file.js';
const shard = 'test/simulation/simulated-shard.js';
const link = 'test/simulation/simulated-link.js';
const primary = 'test/simulation/simulated-primary.js';

function product(name: string, ...edits: readonly (readonly [file: string, find: string, replace: string])[]): Mutant {
  return { name, of: 'product', edits: edits.map(([file, find, replace]) => ({ file, find, replace })) };
}

function mirror(name: string, ...edits: readonly (readonly [file: string, find: string, replace: string])[]): Mutant {
  return { ...product(name, ...edits), of: 'mirror' };
}

export const gallery: readonly Mutant[] = [
  product('a frozen slot is served', [source, "this.#state.phase === 'frozen' && this.#state", 'false && this.#state']),
  product('a source that died is taken for frozen still', [
    coordinator,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template that is looked for.
    'return aborting(move, `shard ${shardOf(move, event.side)} died`, { ...both, [event.side]: false });',
    'return unchanged(state);',
  ]),
  product('the source thaws once it has given the rest', [
    source,
    "return { kind: 'rest'",
    "this.#state = { phase: 'idle' };\n                return { kind: 'rest'",
  ]),
  product('a cancelled source stays frozen', [source, 'this.end(move);', '']),
  product('track, asked again, thaws', [
    source,
    "this.#state.phase === 'idle' || this.#state.move.id !== move.id) {\n            this.#state = { phase: 'tracking'",
    "true) {\n            this.#state = { phase: 'tracking'",
  ]),
  product('deletes do not travel', [source, 'changes.push(change);', "if ('value' in change) changes.push(change);"]),
  product(
    'deletes do not travel, and nothing is compared',
    [source, 'changes.push(change);', "if ('value' in change) changes.push(change);"],
    [file, 'if (!sum.equals(expected))', 'if (false)'],
  ),
  product('writes while copying are not remembered', [source, '!isWrite(operation)', 'true']),
  product('the ledger does not move', [target, 'changes, results, sourceLsn', 'changes, results: [], sourceLsn']),
  product('only the last part of the ledger moves', [
    target,
    'const results = [...ledger.results, part.results]',
    'const results = [part.results]',
  ]),
  product("the target's lsn is not lifted", [target, 'sourceLsn: lsn,', 'sourceLsn: 0,']),
  product('the move commits without being verified', [
    coordinator,
    "next: (move) => asking({ phase: 'verifying', move }, 'target', 'finish', patience.frozenMs)",
    'next: committed',
  ]),
  product('the move commits twice', [coordinator, "{ kind: 'commit' },", "{ kind: 'commit' }, { kind: 'commit' },"]),
  product('an abort that nobody confirmed is over at once', [
    coordinator,
    "if (!awaited.source && !awaited.target) {\n        return {\n            state: { phase: 'aborted'",
    "if (true) {\n        return {\n            state: { phase: 'aborted'",
  ]),
  product('the ledger that moves is of the other slots', [records, '=== 1 && readUInt53', '!== 1 && readUInt53']),
  product('what lies in the slots that come is not wiped', [
    target,
    'if (!this.#storage.wipe(move.slots, rowsWiped[step])) {',
    'if (false) {',
  ]),
  product('a page that was not the last is not stored', [
    target,
    'this.#storage.store(rows);',
    'if (next === undefined)\n            this.#storage.store(rows);',
  ]),
  product(
    'a page that was not the last is not stored, and rows are not counted',
    [target, 'this.#storage.store(rows);', 'if (next === undefined)\n            this.#storage.store(rows);'],
    [file, 'expected?.keys === this.#slot(slot).size', 'expected !== undefined'],
    [file, 'this.#sums.add(rows);', ''],
    [file, 'if (!sum.equals(expected))', 'if (false)'],
  ),
  product('a sum goes on after a write among the rows that it has', [
    sums,
    'if (this.#begun?.slot === slot)',
    'if (false)',
  ]),
  product('a sum is believed after a write', [
    sums,
    'this.#known.delete(slot);\n        this.#expected.delete(slot);\n',
    '',
  ]),
  mirror('a write does not say that it touches its slot', [
    file,
    'this.#sums.touch(slot);\n        const name',
    'const name',
  ]),
  mirror("what became of a key does not touch its slot's sum", [file, 'this.#sums.touch(change.slot);', '']),
  mirror(
    'answers leave before the commit',
    [
      file,
      'return this.#transaction(() => {\n                const results = [];',
      `const rows = [...this.#rows].map(([slot, some]) => [slot, new Map(some)]);
        const [ledger, lsn, keys, bytes] = [[...this.#ledger], this.#lsn, this.#keys, this.#bytes];
        this.undo = () => {
            for (const [slot, some] of rows) this.#rows.set(slot, some);
            [this.#ledger, this.#lsn, this.#keys, this.#bytes] = [ledger, lsn, keys, bytes];
        };
        return this.#transaction(() => {
            const results = [];`,
    ],
    [
      shard,
      'this.#world.crashPoint();\n        for',
      'queueMicrotask(() => { this.#file.undo = undefined; });\n        for',
    ],
    [
      shard,
      'answer: answers[index] });\n        }',
      `answer: answers[index] });
        }
        try { this.#world.crashPoint(); } catch (died) { this.#file.undo?.(); throw died; }`,
    ],
  ),
  mirror('a write is not noted in the step of its commit', [shard, 'this.source.noteWrite(operation);', '']),
  mirror('a shard lets go under an old ring', [shard, 'if (this.epoch < epoch)\n', 'if (false)\n']),
  mirror(
    'an older ring is adopted',
    [shard, 'if (message.topology.sequence <= this.#latestSequence)\n', 'if (false)\n'],
    [shard, 'this.#ring === undefined || message.topology.ring.epoch < this.#ring.epoch', 'this.#ring === undefined'],
  ),
  mirror('garbage is purged under a move back', [
    file,
    'transfer.slots.filter((slot) => !move.slots.includes(slot))',
    'transfer.slots',
  ]),
  mirror('a move that was open is done after a restart of the primary', [
    primary,
    'recover() {',
    "recover() {\n        if (this.openMove?.state === 'open') this.commitMove(this.openMove.move);",
  ]),
  mirror('a resend is not looked up', [file, 'if (resend.resent) {', 'if (false) {']),
  mirror('what was sent and taken back counts as never sent', [
    link,
    'const resent = pending.openSends > 0;',
    'const resent = pending.openSends > 1;',
  ]),
  mirror('an older connection of a router goes on', [shard, 'if (other.session === session)\n', 'if (false)\n']),
  mirror('a write that was applied is told, sent again, that the disk is full', [
    file,
    '(resend.resent ? this.#earlierAnswer(resend) : undefined) ?? diskFull',
    'diskFull',
  ]),
  mirror('a part of the ledger is taken for all of it', [file, 'isWhole ? this.#lsn : some.at(-1).lsn', 'this.#lsn']),
  mirror('a full disk ends the purge', [shard, 'this.#purgeSoon(fullDiskDelayMs);', '']),
  mirror('a move begins before the last one is settled, for which there was no room', [
    shard,
    'this.#settleAgain !== undefined && (',
    'false && (',
  ]),
  mirror('slots that have left are still counted', [
    file,
    'const sign = direction ===',
    'const sign = false && direction ===',
  ]),
];

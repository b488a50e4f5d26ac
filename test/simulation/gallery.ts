/**
 * The checker's own test: bugs that one could have made, each as an edit of the built product.
 */

export type Mutant = { readonly name: string; readonly edits: readonly Edit[] };

/** Where to look first: seeds that found bugs which most do not. Any other will do as well, given the time. */
export const nearSeeds: Readonly<Record<string, number>> = {
  'a source that died is taken for frozen still': 2421,
  'a cancelled source stays frozen': 853,
  'deletes do not travel': 56,
  'deletes do not travel, and nothing is compared': 56,
  'writes while copying are not remembered': 39,
  'the ledger does not move': 553,
  'only the last part of the ledger moves': 775,
  'names do not move': 47,
  'of each slot one name moves': 1232,
  "the target's lsn is not lifted": 11327,
  'an abort that nobody confirmed is over at once': 1585,
  'the ledger that moves is of the other slots': 775,
  'what lies in the slots that come is not wiped': 45,
  'a sum does not follow a write among the rows that it has': 193,
  'a sum follows a write behind the rows that it has': 2839,
  'a sum keeps what a write replaced': 51,
  'a write does not say of which key it is': 39,
  "what became of a key does not change its slot's sum": 39,
  'a write is not noted in the step of its commit': 3751,
  'a move that was open is done after a restart of the primary': 38,
  'an older connection of a router goes on': 2862,
  'what a lost connection had carried is executed': 231,
  'a part of the ledger is taken for all of it': 2449,
  'a full disk ends the purge': 2214,
  'lsns do not follow those of other shards': 836,
  'a pause is forgotten by a restart of the primary': 2033,
  'a pause ends with the batch under way': 195,
  'an abort between two batches is lost': 117,
  'undoing restores how many slots each shard has, not which': 1694,
  'a write that may have been applied is told that it was not': 45,
  'a direct read counts whatever the epoch': 10890,
  'a direct read counts by a newer epoch, too': 10890,
  'slots are noted as given away when they have left': 482,
  'a direct read goes by the first ring that the router had': 39,
  'an announcement that was lost is not made again': 14260,
  'values expire by whatever the clock of the machine says': 7246,
  'a clock that is set back takes the time back by which values expire': 718,
  'a process that starts believes the clock of the machine': 11344,
  'a shard that is added believes the clock of the machine': 4492,
  'a touch leaves the expiry as it was': 460,
  'what has moved never expires': 52,
  'an older copy of a file is taken for the file': 52,
  'undoing asks for slots of those who had them': 206,
};

/** Replaces the one place in a file under `dist/src` where this text stands. */
type Edit = { readonly file: string; readonly find: string; readonly replace: string };

const source = 'rebalance/source.js';
const target = 'rebalance/target.js';
const sums = 'rebalance/slot-sums.js';
const coordinator = 'rebalance/coordinator.js';
const moveRun = 'rebalance/move-run.js';
const rebalancer = 'rebalance/rebalancer.js';
const participant = 'rebalance/participant.js';
const records = 'kv/write-record.js';
const database = 'sqlite/database.js';
const file = 'sqlite/shard-file.js';
const batch = 'sqlite/write-batch.js';
const ledger = 'sqlite/ledger-table.js';
const transfer = 'sqlite/slot-transfer.js';
const shard = 'shard/shard.js';
const server = 'wire/shard-server.js';
const decoder = 'wire/frame-decoder.js';
const link = 'routing/shard-link.js';
const dispatcher = 'routing/dispatcher.js';
const pending = 'routing/pending.js';
const hold = 'holding/hold-queue.js';
const standing = 'partition/standing.js';
const direct = 'routing/direct-reads.js';
const slotReader = 'sqlite/slot-reader.js';
const reader = 'sqlite/shard-file-reader.js';
const inbox = 'supervision/inbox.js';
const supervisor = 'supervision/supervisor.js';
const announcement = 'supervision/announcement.js';
const topology = 'primary/topology-file.js';
const expiryClock = 'kv/expiry-clock.js';

function bug(name: string, ...edits: readonly (readonly [file: string, find: string, replace: string])[]): Mutant {
  return { name, edits: edits.map(([file, find, replace]) => ({ file, find, replace })) };
}

export const gallery: readonly Mutant[] = [
  bug('a frozen slot is served', [source, "this.#state.phase === 'frozen' && this.#state", 'false && this.#state']),
  bug('a source that died is taken for frozen still', [
    coordinator,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template that is looked for.
    "return aborting(move, { code: 'shard-died', reason: `shard ${shardOf(move, event.side)} died` }, { ...both, [event.side]: false });",
    'return unchanged(state);',
  ]),
  bug('the source thaws once it has given the rest', [
    source,
    "return { kind: 'rest'",
    "this.#state = { phase: 'idle' };\n                return { kind: 'rest'",
  ]),
  bug('a cancelled source stays frozen', [source, 'this.end(move);', '']),
  bug('deletes do not travel', [
    source,
    'taken.push(found);',
    "if (!('key' in found) || 'value' in found) taken.push(found);",
  ]),
  bug(
    'deletes do not travel, and nothing is compared',
    [source, 'taken.push(found);', "if (!('key' in found) || 'value' in found) taken.push(found);"],
    [transfer, 'if (!sum.equals(expected))', 'if (false)'],
  ),
  bug('writes while copying are not remembered', [source, '!isWrite(operation)', 'true']),
  bug(
    'the ledger does not move',
    [target, 'this.#storage.carry(move, records, upToLsn);', ''],
    [target, 'names, records, sourceLsn', 'names, records: results.subarray(0, 0), sourceLsn'],
  ),
  bug('only the last part of the ledger moves', [
    target,
    'if (records.length > 0)\n            this.#storage.carry(move, records, upToLsn);',
    '',
  ]),
  bug('names do not move', [target, 'this.#storage.keepNames(packed);', '']),
  bug('of each slot one name moves', ['sqlite/idempotency-table.js', 'from, rowsMax - names.length', 'from, 1']),
  bug("the target's lsn is not lifted", [target, 'sourceLsn: lsn,', 'sourceLsn: 0,']),
  bug('the move commits without being verified', [
    coordinator,
    "next: (move) => asking({ phase: 'verifying', move }, 'target', 'finish', patience.frozenMs)",
    'next: committed',
  ]),
  bug('the move commits twice', [coordinator, "{ kind: 'commit' },", "{ kind: 'commit' }, { kind: 'commit' },"]),
  bug('an abort that nobody confirmed is over at once', [
    coordinator,
    "if (!awaited.source && !awaited.target) {\n        return {\n            state: { phase: 'aborted'",
    "if (true) {\n        return {\n            state: { phase: 'aborted'",
  ]),
  bug('the ledger that moves is of the other slots', [records, '=== 1 && readUInt53', '!== 1 && readUInt53']),
  bug('what lies in the slots that come is not wiped', [
    target,
    'if (!this.#storage.wipe(move.slots, this.#limits.rowsWiped[step])) {',
    'if (false) {',
  ]),
  bug('a page that was not the last is not stored', [
    target,
    'this.#storage.store(rows);',
    'if (next === undefined)\n            this.#storage.store(rows);',
  ]),
  bug(
    'a page that was not the last is not stored, and rows are not counted',
    [target, 'this.#storage.store(rows);', 'if (next === undefined)\n            this.#storage.store(rows);'],
    ['sqlite/slot-reader.js', 'sum.keys === expected.keys', 'true'],
    [transfer, 'this.#sums.add(rows);', ''],
    [transfer, 'if (!sum.equals(expected))', 'if (false)'],
  ),
  bug('a sum does not follow a write among the rows that it has', [
    sums,
    'Buffer.compare(key, walk.upTo) <= 0',
    'false',
  ]),
  bug('a sum follows a write behind the rows that it has', [sums, 'Buffer.compare(key, walk.upTo) <= 0', 'true']),
  bug('a sum keeps what a write replaced', [sums, 'sum?.subtractSum(before);', '']),
  bug('a write does not say of which key it is', [
    batch,
    'this.#at.watch.beforeWrite(slot, key);\n        if (isExpired)',
    'if (isExpired)',
  ]),
  bug("what became of a key does not change its slot's sum", [
    transfer,
    'this.watch.beforeWrite(change.slot, change.key);',
    '',
  ]),
  bug(
    'answers leave before the commit',
    [database, 'commit() {\n        this.#commit.run();', 'commit() {\n        this.isLate = true;'],
    [
      database,
      'this.#begin.run();',
      'if (this.isLate) this.#commit.run();\n        this.isLate = false;\n        this.#begin.run();',
    ],
    [database, 'rollback() {', 'rollback() {\n        this.isLate = false;'],
  ),
  bug('a write is not noted in the step of its commit', [
    shard,
    'onExecuted: (operation) => source.noteWrite(operation)',
    'onExecuted: (operation) => clock.soon(() => source.noteWrite(operation))',
  ]),
  bug(
    'an older ring is adopted',
    [inbox, 'if (topology.sequence <= this.#sequence)\n', 'if (false)\n'],
    [shard, 'if (next.epoch < this.#ring.epoch)\n', 'if (false)\n'],
    [participant, 'if (ring.epoch < this.#ring.epoch)\n', 'if (false)\n'],
  ),
  bug(
    'an older ring is adopted by a router',
    [inbox, 'if (topology.sequence <= this.#sequence)\n', 'if (false)\n'],
    [dispatcher, 'if (ring.epoch >= this.#ring.epoch) {', 'if (true) {'],
  ),
  bug('an announcement that was lost is not made again', [announcement, 'isBehind && this.#isDoubted', 'false']),
  bug('rows that left are purged under a move back', [
    transfer,
    'this.#transfers.removeSlots(transfer, move.slots)',
    'false',
  ]),
  bug('a move that was open is done after a restart of the primary', [
    topology,
    '#recoverMoves() {',
    `#recoverMoves() {
        for (const row of this.#db.prepare("SELECT * FROM move WHERE state = 'open'").all())
            this.commitMove({ id: row.id, from: row.from_shard, to: row.to_shard, slots: JSON.parse(row.slots) });`,
  ]),
  bug('a resend is not looked up', [batch, 'else if (resend?.resent) {', 'else if (false) {']),
  bug('what was sent and taken back counts as never sent', [
    link,
    'const resent = pending.openSends > 0;',
    'const resent = pending.openSends > 1;',
  ]),
  bug('a resend is looked up from the latest lsn on', [link, 'if (!resent)\n', 'if (true)\n']),
  bug('an older connection of a router goes on', [server, 'if (other.session === session)\n', 'if (false)\n']),
  bug('what a lost connection had carried is executed', [
    server,
    'this.#turn.filter(({ connection }) => !connection.socket.destroyed)',
    'this.#turn',
  ]),
  bug('a part of the ledger is taken for all of it', [ledger, 'upToLsn = lsn;\n            break;', 'break;']),
  bug('a full disk ends the purge', [participant, 'this.#purgeSoon(fullDiskDelayMs);', '']),
  bug('slots that have left are still counted', [transfer, 'return isOurs ? 0 : -1;', 'return 0;']),
  bug('counters of a transaction that was rolled back stay', [file, 'this.#counters = before.counters;', '']),
  bug('lsns do not follow those of other shards', [batch, 'Math.max(this.#lsn, seenLsn) + 1', 'this.#lsn + 1']),
  bug('two ends of one change', [
    rebalancer,
    'if (leaving.length > 0)\n            return;',
    `if (leaving.length > 0) {
            const { id } = change;
            clock.after(100, () => {
                record.endChange(id, 'done', clock.dateMs(), this.#running.progress.takeFigures());
                this.#running = undefined;
            });
            return;
        }`,
  ]),
  bug('a pause is forgotten by a restart of the primary', [
    topology,
    '#recoverMoves() {',
    "#recoverMoves() {\n        this.#db.prepare('UPDATE change SET paused = 0').run();",
  ]),
  bug('a pause ends with the batch under way', [
    moveRun,
    "if (state.phase === 'done' || state.phase === 'aborted') {",
    `if (state.phase === 'done' || state.phase === 'aborted') {
            const { record } = this.#options;
            for (const { id, isPaused } of record.openChanges()) if (isPaused) record.pauseChange(id, false);`,
  ]),
  bug('an abort between two batches is lost', [
    rebalancer,
    'else\n            this.#undoChange(change.id, reason, false);',
    'else if (this.#moves.phase !== undefined)\n            this.#undoChange(change.id, reason, false);',
  ]),
  bug('a shard that was removed is not missed', [supervisor, 'this.#listener.onRemoved?.(shard);', '']),
  bug('undoing restores how many slots each shard has, not which', [
    rebalancer,
    "state === 'undoing' && ringBefore !== null",
    'false',
  ]),
  bug(
    'the ring is announced before it is committed',
    [
      coordinator,
      "{ kind: 'commit' },\n            { kind: 'announce' },",
      "{ kind: 'announce' },\n            { kind: 'commit' },",
    ],
    [topology, 'this.#ring = next;', ''],
    [
      topology,
      'const next = ringAfter(this.#ring, [move]);',
      'const next = ringAfter(this.#ring, [move]);\n        this.#ring = next;',
    ],
  ),
  bug('requests taken back from an old owner are dropped', [
    dispatcher,
    'for (const pending of astray)\n            this.#dispatch(pending);',
    '',
  ]),
  bug('a write that may have been applied is told that it was not', [
    pending,
    'return openSends > 0 &&',
    'return false &&',
  ]),
  bug('what is overdue is not told so', [hold, 'this.#events.onOverdue(request);', ';']),
  bug('a frame that comes in two pieces loses its end', [
    decoder,
    'const copied = chunk.copy(this.#partial, this.#partialBytes, at);',
    'const copied = Math.min(chunk.length - at, this.#partial.length - this.#partialBytes);',
  ]),
  bug('a direct read counts whatever the epoch', [standing, 'standing.epoch === epoch && ', '']),
  bug('a direct read counts by a newer epoch, too', [standing, 'standing.epoch === epoch', 'standing.epoch >= epoch']),
  bug('a router gives again what it has read before', [
    reader,
    'outcomes: operations.map((operation) => this.#entries.read(operation, beforeAnyExpiry)) };',
    `outcomes: operations.map((operation) => {
                    this.known ??= new Map();
                    const name = operation.key.toString('latin1');
                    if (!this.known.has(name)) this.known.set(name, this.#entries.read(operation, beforeAnyExpiry));
                    return this.known.get(name);
                }) };`,
  ]),
  bug(
    'slots are noted as given away when they have left',
    [
      transfer,
      "this.#figures.transaction(() => this.#transfers.note(move, 'migrating', sum));",
      "this.late = () => this.#transfers.note(move, 'migrating', sum);",
    ],
    [
      transfer,
      'const settled = [];',
      'const settled = [];\n            this.late?.();\n            this.late = undefined;',
    ],
  ),
  bug('a direct read goes by the first ring that the router had', [
    direct,
    'const shard = ring.shardOf(read.operation.slot);',
    'this.first ??= ring;\n            const shard = this.first.shardOf(read.operation.slot);',
  ]),
  bug('a direct read that does not count is told that there is nothing', [
    direct,
    'forward(read);',
    "if (outcome === undefined && reading !== undefined) read.settle({ kind: 'absent' }); else forward(read);",
  ]),
  bug('values expire by whatever the clock of the machine says', [
    expiryClock,
    'else if (dateMs <= this.#mostMs(nowMs - this.#anchor.nowMs)) {',
    'else if (true) {',
  ]),
  bug('a clock that is set back takes the time back by which values expire', [
    expiryClock,
    'this.#toldMs += passedMs * slowRate;',
    'this.#toldMs = dateMs;',
  ]),
  bug('a process that starts believes the clock of the machine', [
    expiryClock,
    'const isKnown = note !== undefined && ',
    'const isKnown = false && ',
  ]),
  bug('a shard that is added believes the clock of the machine', [
    file,
    'timeNote.boot === clock.boot ? timeNote : options.time',
    'timeNote',
  ]),
  bug('a touch leaves the expiry as it was', [
    batch,
    'entries.touch(old.id, version, expiresAtMs);',
    'entries.touch(old.id, version, old.expiresAtMs);',
  ]),
  bug('what has moved never expires', ['rebalance/row.js', 'readUInt53(packed, 20)', '0']),
  bug('an older copy of a file is taken for the file', [
    'sqlite/standing-table.js',
    'if (lsn < (record.acknowledgedLsn ?? 0)) {',
    'if (false) {',
  ]),
  bug('undoing asks for slots of those who had them', [
    rebalancer,
    'planTo(ring, ringBefore)',
    'planTo(ringBefore, ring)',
  ]),
  bug('every ring goes out with the epoch of the first', [
    supervisor,
    'epoch: ring.epoch,',
    'epoch: (this.first ??= ring.epoch),',
  ]),
  bug('a page ends where the one before it did', [
    slotReader,
    'next: { slot, key: row.key }',
    'next: after ?? { slot, key: row.key }',
  ]),
  bug('of the slots of a move the last one stays', [
    'partition/plan.js',
    'owners[slot] = to;',
    'if (slots.length === 1 || slot !== slots.at(-1)) owners[slot] = to;',
  ]),
  bug('what has come is counted with every slot that it came with', [
    transfer,
    'keys: sign * keys',
    'keys: sign * keys * Math.max(1, slots.length)',
  ]),
];

/**
 * The control messages between the primary and its children, over fork IPC. Never client data. Messages may be
 * late: a topology carries a sequence number and an older one is ignored; every other message is idempotent.
 *
 *   child ── born ──▶ primary       the child listens (what is sent to a cluster worker earlier is lost)
 *   child ◀─ start-… ─ primary
 *   child ── ready ──▶ primary      then `health` each second, and `heartbeat` in between; or `refused`, and it exits
 *   child ◀─ primary-heartbeat ─ primary, as often
 *   child ◀─ topology ─ primary     at every change, and again when a heartbeat says that the child has missed it
 *   child ◀─ access ─── primary     who may come in has changed; of routers and clones
 *   child ◀─ reopen-log ─ primary   somebody has moved the files of the log away
 *   child ◀─ drain ──── primary     the child finishes and exits with code 0
 *   child ◀─ retire ─── primary     the same, in its own time: its successor serves already
 */

import type { AccessRules } from '../access/gate.ts';

import type { Labels, Measure } from '../metrics/measure.ts';
import { metricNames } from '../metrics/metric-table.ts';

import { type MoveOrder, type MoveReport, moveAnswers, moveCommands, refusalCodes } from '../rebalance/move.ts';
import type { LogSettings } from './log.ts';
import {
  exactly,
  integer,
  isTrueOrFalse,
  listOf,
  number,
  objectOf,
  oneOf,
  oneOfTexts,
  parsed,
  recordOf,
  type Shape,
  type ShapeOf,
  text,
  tupleOf,
} from './shape.ts';

const shardAddress = objectOf({
  id: integer,
  /** The supervisor's state of the shard's process. */
  state: text,
  /** Set while the shard is ready, or silent: it may yet answer. */
  socketPath: oneOf(text, exactly(null)),
  /** Whether it has served from its file, and did not refuse it since: until then nobody else reads that. */
  fileFits: isTrueOrFalse,
});

const topology = objectOf({
  type: exactly('topology'),
  /** Rises with every change, of the ring or of a shard's state, within one life of the primary. */
  sequence: integer,
  /** How many slots the ring has. */
  slots: integer,
  epoch: integer,
  /** First slot, last slot, shard. */
  ranges: listOf(tupleOf(integer, integer, integer)),
  shards: listOf(shardAddress),
  /** The highest id that any shard ever had. */
  lastShard: integer,
});

/** The file has at least this; null where it was not made yet. */
const acknowledgedLsn = oneOf(integer, exactly(null));

/** Told, in Unix milliseconds, when the machine had been up for so long (kv/expiry-clock.ts). */
const timeNote = objectOf({ toldMs: integer, uptimeMs: number, boot: text });

const log: Shape<LogSettings> = objectOf({
  level: text,
  files: oneOf(objectOf({ directory: text, fileBytesMax: integer, filesMax: integer }), exactly(null)),
});

const startShard = objectOf({
  type: exactly('start-shard'),
  shard: integer,
  log,
  service: text,
  file: text,
  socketPath: text,
  /** Where other shards reach it during a move. */
  moveSocketPath: text,
  valueBytesMax: integer,
  acknowledgedLsn,
  /** Direct: routers read its file, too. */
  reads: oneOf(exactly('forwarded'), exactly('direct')),
  /** By which the service goes; null where nothing tells one start of the machine from another. */
  time: oneOf(timeNote, exactly(null)),
  topology,
});

/** Who may come in (access/gate.ts). Of tokens only hashes. */
const accessRules: Shape<AccessRules> = objectOf({
  isLocked: isTrueOrFalse,
  tokens: listOf(
    objectOf({
      name: text,
      hash: text,
      read: isTrueOrFalse,
      write: isTrueOrFalse,
      prefixes: listOf(text),
      createdAtMs: integer,
      expiresAtMs: oneOf(integer, exactly(null)),
    }),
  ),
  jwt: oneOf(objectOf({ keys: text, audiences: listOf(text) }), exactly(null)),
});

/** In PEM; null where no TLS is spoken. */
const certificate = oneOf(objectOf({ cert: text, key: text }), exactly(null));

/** Of every process that serves HTTP. */
const httpFields = {
  host: text,
  port: integer,
  /** Where a socket was handed over that listens there already. */
  listenFd: oneOf(integer, exactly(null)),
  valueBytesMax: integer,
  bodyMemoryBytesMax: integer,
  allowedHosts: listOf(text),
  allowedOrigins: listOf(text),
  accessRules,
  /** As the operator wrote it: `access/rate-limiter.ts` reads it. */
  rateLimit: oneOf(text, exactly(null)),
  certificate,
  /** Whether somebody may want to know how many requests there were of each kind. */
  metering: oneOfTexts(['on', 'off']),
  accessLog: objectOf({ kind: oneOfTexts(['off', 'on', 'keys']), slowMs: oneOf(integer, exactly(null)) }),
};

const startRouter = objectOf({
  type: exactly('start-router'),
  router: integer,
  log,
  ...httpFields,
  /** Where the files of this service's shards lie, when the router reads them; null when it forwards every read. */
  directReads: oneOf(objectOf({ service: text, directory: text }), exactly(null)),
  topology,
});

const exclusiveOrShared = oneOf(exactly('exclusive'), exactly('shared'));

/** The one store that all clones share: a file in the data directory, or Redis. */
const sharedFile = objectOf({
  kind: exactly('sqlite'),
  service: text,
  /** The shard that the file is, or would be if it were served partitioned. */
  shard: integer,
  file: text,
  acknowledgedLsn,
  /** Exclusive where one clone is all there is. */
  access: exclusiveOrShared,
});

const sharedRedis = objectOf({
  kind: exactly('redis'),
  /** As the operator wrote it: `config/redis-address.ts` reads it. */
  url: text,
});

const startClone = objectOf({
  type: exactly('start-clone'),
  clone: integer,
  log,
  ...httpFields,
  store: oneOf(sharedFile, sharedRedis),
});

const side = oneOf(exactly('source'), exactly('target'));

const move = objectOf({ id: integer, from: integer, to: integer, slots: listOf(integer) });

const moveOrder: Shape<{ readonly type: 'move' } & MoveOrder> = objectOf({
  type: exactly('move'),
  command: oneOfTexts(moveCommands),
  move,
  epoch: integer,
  sourceSocket: oneOf(text, exactly(null)),
  rowsPerS: integer,
});

/** From now on other rules, and another certificate where there is one. */
const access = objectOf({ type: exactly('access'), rules: accessRules, certificate });

/** Walk your file and report. */
const audit = objectOf({ type: exactly('audit'), id: integer });

/** Say what you measure. */
const measure = objectOf({ type: exactly('measure'), id: integer });
/** A part in a snapshot of all files: see primary/snapshots.ts. */
const snapshot = objectOf({
  type: exactly('snapshot'),
  id: integer,
  step: oneOf(exactly('pin'), exactly('go-on'), exactly('end')),
});

/** Write a profile of yourself: see profile-file.ts. */
const profile = objectOf({
  type: exactly('profile'),
  kind: oneOf(exactly('cpu'), exactly('heap')),
  seconds: integer,
  file: text,
});

const reopenLog = objectOf({ type: exactly('reopen-log') });

const drain = objectOf({ type: exactly('drain') });

const retire = objectOf({ type: exactly('retire') });

const primaryHeartbeat = objectOf({ type: exactly('primary-heartbeat') });

const born = objectOf({ type: exactly('born') });

const ready = objectOf({ type: exactly('ready') });

const heartbeat = objectOf({
  type: exactly('heartbeat'),
  /** Of the topology by which the child goes; 0 when none was announced to it. */
  sequence: integer,
});

const operationFigures = objectOf({
  /** Over the last interval. */
  perS: number,
  /** Over the last ten seconds; null when there was no operation. */
  p50Ms: oneOf(number, exactly(null)),
  p99Ms: oneOf(number, exactly(null)),
});

const health = objectOf({
  type: exactly('health'),
  /** Of one core, over the last interval; above 100 when helper threads work too. */
  cpuPercent: number,
  memoryBytes: integer,
  /** By how much the slowest hundredth of turns of the event loop came late. */
  eventLoopDelayMs: number,
  /** 0 to 1. */
  eventLoopUtilization: number,
  operationsPerS: number,
  /** Over the last ten seconds; null when there was no operation. */
  p99Ms: oneOf(number, exactly(null)),
  /** Over the last interval alone: for those who react to it. */
  intervalP99Ms: oneOf(number, exactly(null)),
  reads: operationFigures,
  writes: operationFigures,
  /** Requests that were answered with a status from 500 on. */
  failuresPerS: number,
  /** Of clients; null for a shard. */
  connections: oneOf(integer, exactly(null)),
  /** Of a shard's or the clones' store; null for a router. */
  keys: oneOf(integer, exactly(null)),
  bytes: oneOf(integer, exactly(null)),
  /** Writes up to here are on disk. */
  lsn: oneOf(integer, exactly(null)),
});

/** The child cannot serve until an operator has done something, and exits: in a sentence, why. */
const refused = objectOf({ type: exactly('refused'), reason: text });

/** What an acknowledgement is worth, in sentences, where the store's own settings decide it. */
const storeReport = objectOf({ type: exactly('store-report'), acknowledgement: text });

/** So many requests were answered with a status from 500 on, since the last such message. */
const failures = objectOf({ type: exactly('failures'), count: integer });

const moveReport: Shape<MoveReport> = oneOf(
  objectOf({ type: exactly('move-answer'), move: integer, side, answer: oneOfTexts(moveAnswers) }),
  objectOf({ type: exactly('move-refusal'), move: integer, side, code: oneOfTexts(refusalCodes), reason: text }),
  objectOf({ type: exactly('move-progress'), move: integer, rows: integer, bytes: integer }),
);

const labels: Shape<Labels> = recordOf(text);
const name = oneOfTexts(metricNames);
const someMeasure: Shape<Measure> = oneOf(
  objectOf({ name, labels, value: number }),
  objectOf({ name, labels, counts: listOf(number), sum: number }),
);

const measures = objectOf({ type: exactly('measures'), id: integer, measures: listOf(someMeasure) });

const auditReport = objectOf({
  type: exactly('audit-report'),
  id: integer,
  shard: integer,
  lsn: integer,
  keys: integer,
  bytes: integer,
  digest: integer,
  inTransit: integer,
  faults: listOf(text),
  changedMeanwhile: isTrueOrFalse,
});

const toChild = oneOf(
  startShard,
  startRouter,
  startClone,
  topology,
  access,
  moveOrder,
  audit,
  measure,
  snapshot,
  profile,
  reopenLog,
  drain,
  retire,
  primaryHeartbeat,
);
const snapshotPinned = objectOf({
  type: exactly('snapshot-pinned'),
  id: integer,
  /** Of the WAL, from its begin, beside all of the file. */
  walBytes: integer,
  lsn: integer,
});

/** The file is whole; or why there is none. */
const profileReport = objectOf({ type: exactly('profile-report'), failure: oneOf(text, exactly(null)) });

const toPrimary = oneOf(
  born,
  ready,
  refused,
  heartbeat,
  health,
  failures,
  storeReport,
  moveReport,
  auditReport,
  measures,
  snapshotPinned,
  profileReport,
);

export type Topology = ShapeOf<typeof topology>;
export type StartShard = ShapeOf<typeof startShard>;
export type StartRouter = ShapeOf<typeof startRouter>;
export type StartClone = ShapeOf<typeof startClone>;
export type SharedFileAddress = ShapeOf<typeof sharedFile>;
export type ProfileReport = ShapeOf<typeof profileReport>;
export type StoreReport = ShapeOf<typeof storeReport>;
export type AuditReportMessage = ShapeOf<typeof auditReport>;
export type MeasuresMessage = ShapeOf<typeof measures>;
export type SnapshotOrder = ShapeOf<typeof snapshot>;
export type SnapshotPinned = ShapeOf<typeof snapshotPinned>;
export type Health = ShapeOf<typeof health>;
export type AccessMessage = ShapeOf<typeof access>;
export type MessageToChild = ShapeOf<typeof toChild>;
export type MessageToPrimary = ShapeOf<typeof toPrimary>;

/** @throws TypeError when the message is none of ours: parent and child are of different builds */
export function parseMessageToChild(message: unknown): MessageToChild {
  return parsed(toChild, message, 'A message to a child');
}

/** @throws TypeError when the message is none of ours */
export function parseMessageToPrimary(message: unknown): MessageToPrimary {
  return parsed(toPrimary, message, 'A message to the primary');
}

/**
 * What simulated processes are told and tell each other, and what they need of the world around them. Types only;
 * what is said to a shard about moves is the product's own vocabulary.
 */

import type { KeyOperation } from '../../src/kv/operation.ts';
import type { Side } from '../../src/rebalance/coordinator.ts';
import type { Move, MoveAnswer, MoveCommand, MoveId, SourceReply, SourceRequest } from '../../src/rebalance/move.ts';
import type { Answer } from '../../src/wire/answer-frame.ts';
import type { Circumstances } from './circumstances.ts';
import type { Connection, ControlOdds, Receiver, Wires } from './connection.ts';
import type { Coverage } from './coverage.ts';
import type { Invariants } from './invariants.ts';
import type { Life } from './scheduler.ts';
import type { Request, SimulatedFile } from './simulated-file.ts';
import type { SimulatedRing } from './simulated-ring.ts';
import type { SimulatedRouter } from './simulated-router.ts';
import type { SimulatedShard } from './simulated-shard.ts';
import type { Trace } from './trace.ts';

export type ChildStateName = 'starting' | 'ready' | 'backoff' | 'failed';

type ShardAddress = {
  readonly id: number;
  readonly state: ChildStateName;
  /** Stands for its socket path: another life, another path. Set exactly while the shard is ready. */
  readonly at: SimulatedShard | undefined;
};

export type Topology = {
  readonly sequence: number;
  readonly ring: SimulatedRing;
  readonly shards: readonly ShardAddress[];
};

export type MoveMessage = {
  readonly command: MoveCommand;
  readonly move: Move;
  readonly epoch: number;
  readonly source: SimulatedShard | undefined;
};

export type ControlMessage =
  | { readonly type: 'start'; readonly topology: Topology }
  | { readonly type: 'topology'; readonly topology: Topology }
  | ({ readonly type: 'move' } & MoveMessage);

export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly move: MoveId; readonly side: Side; readonly answer: MoveAnswer }
  | { readonly type: 'refusal'; readonly move: MoveId; readonly side: Side; readonly reason: string }
  | { readonly type: 'progress'; readonly move: MoveId };

export type RequestFrame =
  | { readonly kind: 'hello'; readonly session: number }
  | { readonly kind: 'request'; readonly requestId: number; readonly request: Request };
export type AnswerFrame =
  | { readonly kind: 'hello'; readonly shard: number; readonly lsn: number }
  | { readonly kind: 'answer'; readonly requestId: number; readonly answer: Answer };

export type RouterConnection = Connection<RequestFrame, AnswerFrame>;
export type MoveConnection = Connection<SourceRequest, SourceReply>;

/** A process as its parent sees it. */
export interface ChildProcess {
  readonly life: Life;
  obey(message: ControlMessage): void;
}

export type World = Wires & {
  readonly circumstances: Circumstances;
  readonly controlOdds: ControlOdds;
  readonly trace: Trace;
  readonly invariants: Invariants;
  readonly coverage: Coverage;
  readonly shards: SimulatedShard[];
  readonly routers: SimulatedRouter[];
  fileOf(shard: number): SimulatedFile;
  /** Whoever acts right now may die here: then this throws `struck`. */
  crashPoint(): void;
  newLife(name: string): Life;
  newSession(): number;
  /** Ends a life, from inside or outside. Whoever watches it is told later. */
  kill(life: Life): void;
  connect<ToServer, ToClient>(client: Receiver<ToClient>, server: Receiver<ToServer>): Connection<ToServer, ToClient>;
};

export function describeRequest({ operation, resend }: Request): string {
  return `${describe(operation)}${resend.resent ? ' again' : ''}`;
}

export function describe(operation: KeyOperation): string {
  const value = operation.kind === 'put' ? ` = ${operation.value.toString('latin1')}` : '';
  const condition = 'condition' in operation ? ` if ${JSON.stringify(operation.condition)}` : '';
  return `${operation.kind} ${operation.key.toString('latin1')}${value}${condition}`;
}

/** A child process, as its parent and its own work see it. It is born, told and killed; what it does is the product's. */

import { FileLocked, isDiskFull } from '../../../src/sqlite/database.ts';
import { CannotServe } from '../../../src/supervision/cannot-serve.ts';
import { Inbox, type StartMessage, type WorkerJob } from '../../../src/supervision/inbox.ts';
import type { MessageToChild, MessageToPrimary } from '../../../src/supervision/messages.ts';
import type { ForkedProcess } from '../../../src/supervision/supervised-child.ts';
import type { Life } from '../scheduler.ts';
import { ControlChannel, type ControlOdds, type Wires } from '../streams.ts';
import type { Trace } from '../trace.ts';
import { clockOf } from './simulated-clock.ts';

/** Where processes live and die. */
export type ProcessWorld = Wires & {
  readonly controlOdds: ControlOdds;
  readonly trace: Trace;
  readonly newLife: (name: string) => Life;
  readonly onEnd: (life: Life, run: () => void) => void;
  readonly onReport: (life: Life, message: MessageToPrimary) => void;
  readonly kill: (life: Life) => void;
};

export type Birth<M extends StartMessage> = {
  readonly parent: Life;
  readonly name: string;
  readonly starts: M['type'];
  readonly begin: (start: M, child: SimulatedChild<M>) => WorkerJob;
};

export class SimulatedChild<M extends StartMessage> implements ForkedProcess {
  readonly pid = 1;
  readonly life: Life;
  readonly #world: ProcessWorld;
  readonly #inbox: Inbox<M>;
  readonly #toChild: ControlChannel<MessageToChild>;
  readonly #toPrimary: ControlChannel<MessageToPrimary>;
  readonly #handlers: Record<string, (...values: never[]) => void> = {};

  constructor(world: ProcessWorld, { parent, name, starts, begin }: Birth<M>) {
    this.#world = world;
    this.life = world.newLife(name);
    this.#toChild = new ControlChannel(world, world.controlOdds, this.life, (message) => this.#inbox.receive(message));
    this.#toPrimary = new ControlChannel(world, world.controlOdds, parent, (message) => this.#emit('message', message));
    const ports = { clock: clockOf(world.scheduler, this.life), tell: this.tell };
    this.#inbox = new Inbox(starts, ports, {
      onStart: (start) => this.#begin(() => begin(start, this)),
      onMeasure: () => {},
      onDrain: (job) => this.#end(job),
    });
    world.scheduler.soon(this.life, () => this.tell({ type: 'born' }));
    world.onEnd(this.life, () => world.scheduler.soon(parent, () => this.#emit('exit', null, 'SIGKILL')));
  }

  get connected(): boolean {
    return this.life.isAlive;
  }

  send(message: MessageToChild): void {
    this.#toChild.send(message);
  }

  readonly tell = (message: MessageToPrimary): void => {
    this.#world.onReport(this.life, message);
    this.#toPrimary.send(message);
  };

  kill(): void {
    this.#world.kill(this.life);
  }

  on(event: string, run: (...values: never[]) => void): void {
    this.#handlers[event] = run;
  }

  #emit(event: string, ...values: unknown[]): void {
    this.#handlers[event]?.(...(values as never[]));
  }

  #begin(begin: () => WorkerJob): void {
    try {
      this.#inbox.begun(begin());
    } catch (error) {
      if (error instanceof CannotServe) {
        this.tell({ type: 'refused', reason: error.message });
        return this.#end(undefined);
      }
      if (!(error instanceof FileLocked || isDiskFull(error))) throw error;
      this.#world.trace.note(this.life, () => `cannot open its file and exits: ${(error as Error).message}`);
      this.kill();
    }
  }

  /** What `drain` wrote leaves before the end. */
  #end(job: WorkerJob | undefined): void {
    void job?.drain();
    this.#world.scheduler.soon(this.life, () => this.kill());
  }
}

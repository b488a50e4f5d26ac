/**
 * Removes keys from the index of their slot when Redis has expired their values. It goes from slot to slot all the time,
 * in steps too small to be felt. A listing skips the keys that it has not reached yet.
 */

import { slotCount } from '../partition/slot.ts';
import { runScript } from './redis-command.ts';
import type { RedisConnection } from './redis-connection.ts';
import { expiriesKeyOf, indexKeyOf, valueKeyOf } from './redis-entry.ts';
import { askTogether } from './redis-question.ts';
import { sweepScript } from './redis-script.ts';

/** So each slot is swept every four to five minutes. */
const intervalMs = 1_000;
const slotsAtATime = 64;
const keysMax = 256;

const noKey = Buffer.alloc(0);

export class RedisSweeper {
  readonly #connection: RedisConnection;
  #timer: NodeJS.Timeout;
  #slot = 0;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
    this.#timer = setTimeout(() => this.#step(), intervalMs);
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** @returns how many keys were removed from the index; 0 while Redis is away */
  async sweepSlot(slot: number): Promise<number> {
    const { client } = this.#connection;
    if (client === undefined) return 0;
    const keys = [indexKeyOf(slot), expiriesKeyOf(slot)];
    return (await runScript(askTogether(client), sweepScript, keys, [valueKeyOf(slot, noKey), keysMax])) as number;
  }

  async #step(): Promise<void> {
    const slots = Array.from({ length: slotsAtATime }, (_, index) => (this.#slot + index) % slotCount);
    // A slot that failed waits for the next round. The connection reports its own trouble.
    await Promise.allSettled(slots.map((slot) => this.sweepSlot(slot)));
    this.#slot = (this.#slot + slotsAtATime) % slotCount;
    this.#timer = setTimeout(() => this.#step(), intervalMs);
  }
}

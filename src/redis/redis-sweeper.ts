/**
 * Takes keys off the lists of their slots whose values have expired by themselves: slot after slot, all the time, so
 * slowly that nobody notices. Until then a listing passes over them.
 */

import { slotCount } from '../partition/slot.ts';
import { runScript } from './redis-command.ts';
import type { RedisConnection } from './redis-connection.ts';
import { expiriesKeyOf, indexKeyOf, valueKeyOf } from './redis-entry.ts';
import { askTogether } from './redis-question.ts';
import { sweepScript } from './redis-script.ts';

/** Every slot's turn comes within some four minutes. */
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

  /** @returns how many keys were taken off */
  async sweepSlot(slot: number): Promise<number> {
    const { client } = this.#connection;
    if (client === undefined) return 0;
    const keys = [indexKeyOf(slot), expiriesKeyOf(slot)];
    return (await runScript(askTogether(client), sweepScript, keys, [valueKeyOf(slot, noKey), keysMax])) as number;
  }

  async #step(): Promise<void> {
    const slots = Array.from({ length: slotsAtATime }, (_, index) => (this.#slot + index) % slotCount);
    // What failed is tried again in the next round; whoever writes tells of the trouble.
    await Promise.allSettled(slots.map((slot) => this.sweepSlot(slot)));
    this.#slot = (this.#slot + slotsAtATime) % slotCount;
    this.#timer = setTimeout(() => this.#step(), intervalMs);
  }
}

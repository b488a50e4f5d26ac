/**
 * Maps our slots to those of a Redis Cluster: CRC16 (XMODEM) of the text in the braces, modulo 16,384 (Redis Cluster
 * specification, "Key distribution model"). The two kinds of slot are equal in number, and have nothing else in common.
 * Pure.
 */

import { slotCount } from '../partition/slot.ts';

const redisSlotCount = 16_384;

const redisSlots = Uint16Array.from({ length: slotCount }, (_, slot) => crc16(`s${slot}`) % redisSlotCount);

export function redisSlotOf(slot: number): number {
  return redisSlots[slot] as number;
}

function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc;
}

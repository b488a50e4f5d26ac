/** Whole numbers up to 2^53 − 1 in 8 bytes, little-endian: versions, lsns and Unix milliseconds. Pure. */

export function writeUInt53(target: Buffer, value: number, at: number): number {
  target.writeUInt32LE(value % 2 ** 32, at);
  return target.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** Not a safe integer when the bytes were not written by `writeUInt53`. */
export function readUInt53(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readUInt32LE(at + 4) * 2 ** 32;
}

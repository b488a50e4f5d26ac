/**
 * Rows as a page carries them: packed once where they are read, then hashed, sent and hashed again as they lie, and
 * unpacked only where they are stored. Pure.
 */

import { endOfPacked, isPackedRow, packDelta, packedBytes, type Row } from './row.ts';

/** Yields a view of each row's bytes. */
export class PackedRows implements Iterable<Buffer> {
  readonly bytes: Buffer;
  readonly count: number;

  /** @param count how many rows `bytes` are */
  constructor(bytes: Buffer, count: number) {
    this.bytes = bytes;
    this.count = count;
  }

  static of(rows: Iterable<Row>): PackedRows {
    const packer = new RowPacker();
    for (const row of rows) packer.add(row);
    return packer.take();
  }

  /**
   * Checks bytes that another shard sent.
   * @throws RangeError when they are not packed rows
   */
  static checked(bytes: Buffer): PackedRows {
    let count = 0;
    for (let at = 0; at < bytes.length; count++) {
      const end = endOfPacked(bytes, at);
      if (!isPackedRow(bytes, at)) throw new RangeError(`no row lies at byte ${at}`);
      at = end;
    }
    return new PackedRows(bytes, count);
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (let at = 0; at < this.bytes.length; ) {
      const end = endOfPacked(this.bytes, at);
      yield this.bytes.subarray(at, end);
      at = end;
    }
  }
}

/** Gathers rows into bytes that grow as needed. */
export class RowPacker {
  #bytes = Buffer.allocUnsafe(4_096);
  #end = 0;
  #count = 0;

  get bytes(): number {
    return this.#end;
  }

  get count(): number {
    return this.#count;
  }

  /** Packs a row and returns a view of its bytes. */
  add(row: Row): Buffer {
    const begin = this.#end;
    const endsAt = begin + packedBytes(row);
    if (endsAt > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(endsAt, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, begin);
      this.#bytes = larger;
    }
    this.#end = packDelta(this.#bytes, begin, row);
    this.#count++;
    return this.#bytes.subarray(begin, this.#end);
  }

  /** Hands out all rows. Nothing may be added after that. */
  take(): PackedRows {
    return new PackedRows(this.#bytes.subarray(0, this.#end), this.#count);
  }
}

/** Splits a stream of bytes into lines, and says where each ends, so that reading can go on from there. */

export type Line = {
  /** The first line has number 1. */
  readonly number: number;
  /** Position behind its line feed, in bytes from the beginning of the stream. */
  readonly endOffset: number;
  /** Without the line feed; undefined when it is longer than a line may be. */
  readonly bytes: Buffer | undefined;
};

/** How far lines were read. */
export type LineMark = Pick<Line, 'number' | 'endOffset'>;

/** A value of 16 MiB takes 96 MiB when each byte is written as \u0000, and no other field is that long. */
const lineBytesMax = 128 * 1024 * 1024;

/**
 * Skips empty lines. The last line needs no line feed.
 * @param source the bytes behind the mark
 */
export async function* linesOf(source: AsyncIterable<Uint8Array>, mark: LineMark): AsyncGenerator<Line> {
  let { number, endOffset } = mark;
  let begun: Buffer[] = [];
  let begunBytes = 0;
  const line = (feedBytes: number): Line => {
    number++;
    endOffset += begunBytes + feedBytes;
    const bytes = begunBytes > lineBytesMax ? undefined : begun.length === 1 ? begun[0] : Buffer.concat(begun);
    begun = [];
    begunBytes = 0;
    return { number, endOffset, bytes };
  };
  const add = (part: Buffer) => {
    begunBytes += part.length;
    if (begunBytes <= lineBytesMax) begun.push(part);
    else begun = [];
  };
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let from = 0;
    for (let feedAt = bytes.indexOf(0x0a); feedAt !== -1; feedAt = bytes.indexOf(0x0a, from)) {
      add(bytes.subarray(from, feedAt));
      const read = line(1);
      if (read.bytes?.length !== 0) yield read;
      from = feedAt + 1;
    }
    if (from < bytes.length) add(bytes.subarray(from));
  }
  if (begunBytes > 0) yield line(0);
}

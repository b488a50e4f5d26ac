/** Lines of a stream of bytes, with where they end, so that reading can go on from there. */

export type Line = {
  /** From 1. */
  readonly number: number;
  /** Bytes of the stream up to its end, the line feed included. */
  readonly endOffset: number;
  /** Without the line feed; undefined when it is longer than a line may be. */
  readonly bytes: Buffer | undefined;
};

/** Where lines were read to. */
export type LineMark = Pick<Line, 'number' | 'endOffset'>;

/** Far above the longest line of use: a value of 16 MiB, each byte written as \u0000. */
const lineBytesMax = 128 * 1024 * 1024;

/**
 * Lines that are not empty. The last one needs no line feed.
 * @param source what follows the mark
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

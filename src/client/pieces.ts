/** The body of a stream, piece by piece. */

import type { OpenStream } from './sender.ts';

/** Watches say something each 15 s, deletions with each step: after so long the service, or the way to it, is gone. */
const silenceMs = 45_000;

/** Ends with the stream, also when that breaks off or falls silent. */
export async function* piecesOf({ body, close }: OpenStream): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  for (;;) {
    const clock = setTimeout(close, silenceMs);
    const piece = await reader.read().catch(() => undefined);
    clearTimeout(clock);
    if (piece?.value === undefined) return;
    yield piece.value;
  }
}

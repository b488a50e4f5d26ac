/**
 * Ports for programs that have to be told theirs. They lie below those that the kernel gives to connections and to
 * whoever asks for any: nobody takes one in between, and a server that is started again finds its own free.
 */

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const [first, end] = [10_000, 20_000];

/** A port of loopback at which nobody listens, nor at those so far from it. */
export async function freePort({ with: distances = [] }: { with?: readonly number[] } = {}): Promise<number> {
  for (;;) {
    const port = randomInt(first, end);
    const areFree = await Promise.all([0, ...distances].map((distance) => isFree(port + distance)));
    if (areFree.every(Boolean)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const isListening = new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!(await isListening)) return false;
  await new Promise((resolve) => probe.close(resolve));
  return true;
}

/**
 * Writes what V8 knows of this process to a file: where its time goes, or what lies on its heap. Its inspector is asked
 * from within, so no port is opened, and nothing of it is loaded before somebody asks.
 */

import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import type { Session } from 'node:inspector';

export type ProfileOrder = {
  readonly kind: 'cpu' | 'heap';
  /** Of a CPU profile. */
  readonly seconds: number;
  /** Absolute. */
  readonly file: string;
};

/** @throws Error, in a sentence, when the file is there already or cannot be written: then there is none of it */
export async function writeProfile({ kind, seconds, file }: ProfileOrder): Promise<void> {
  // A heap holds keys, values and tokens: it is for its user alone.
  const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connect();
  try {
    if (kind === 'cpu') writeAll(descriptor, await cpuProfile(session, seconds));
    else await writeHeap(session, (chunk) => writeAll(descriptor, chunk));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    session.disconnect();
    closeSync(descriptor);
  }
}

async function cpuProfile(session: Session, seconds: number): Promise<string> {
  await post((done) => session.post('Profiler.enable', done));
  await post((done) => session.post('Profiler.start', done));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  return new Promise((resolve, reject) => {
    session.post('Profiler.stop', (error, { profile }) => {
      if (error === null) resolve(JSON.stringify(profile));
      else reject(error);
    });
  });
}

/** Piece by piece, as V8 makes it: as one text it would take as much memory again. */
async function writeHeap(session: Session, write: (chunk: string) => void): Promise<void> {
  let failure: unknown;
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params: { chunk } }) => {
    if (failure !== undefined) return;
    try {
      write(chunk);
    } catch (error) {
      failure = error;
    }
  });
  await post((done) => session.post('HeapProfiler.takeHeapSnapshot', undefined, done));
  if (failure !== undefined) throw failure;
}

function post(ask: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => ask((error) => (error === null ? resolve() : reject(error))));
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

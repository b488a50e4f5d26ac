/** Files that are on the disk when a function returns, directories included. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Read and written at a time. */
const chunkBytes = 1024 * 1024;

export type CopyOptions = {
  /** Only so much from the begin; all of the file unless it says otherwise. */
  readonly bytesMax?: number;
  /** Beyond it the copy waits. */
  readonly bytesPerS: number;
  /** Told of each chunk, once it is written. What it throws ends the copy. */
  readonly onChunk: (chunk: Buffer) => void | Promise<void>;
};

/** @throws RangeError when the file is shorter than it has to be */
export async function copyFile(from: string, to: string, options: CopyOptions): Promise<void> {
  const { bytesMax = Number.POSITIVE_INFINITY, bytesPerS, onChunk } = options;
  await using source = await open(from, 'r');
  await using target = await open(to, 'wx', 0o600);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  const startedAtMs = performance.now();
  let at = 0;
  while (at < bytesMax) {
    const { bytesRead } = await source.read(chunk, 0, Math.min(chunkBytes, bytesMax - at), at);
    if (bytesRead === 0) break;
    const filled = chunk.subarray(0, bytesRead);
    await writeAll(target, filled);
    at += bytesRead;
    await onChunk(filled);
    const aheadMs = (at / bytesPerS) * 1_000 - (performance.now() - startedAtMs);
    if (aheadMs > 1) await sleep(aheadMs);
  }
  if (at < bytesMax && bytesMax !== Number.POSITIVE_INFINITY)
    throw new RangeError(`${from} has ${at} bytes, not ${bytesMax}`);
  await target.sync();
}

/** What a file is called until it is whole. */
export function unfinishedOf(path: string): string {
  return `${path}.part`;
}

/** Appears whole or not at all. */
export async function writeWhole(path: string, content: string): Promise<void> {
  const unfinished = unfinishedOf(path);
  await writeFile(unfinished, content, { mode: 0o600, flush: true });
  await rename(unfinished, path);
  await syncDirectory(dirname(path));
}

/** What was made, renamed or removed in it is so after a power cut, too. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

/** Every file of a directory, and the directory. */
export async function syncAll(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    await using file = await open(`${path}/${entry.name}`, 'r');
    await file.sync();
  }
  await syncDirectory(path);
}

/** In hexadecimal. */
export async function sha256Of(
  path: string,
  onBytes: (bytes: number) => void | Promise<void> = () => {},
): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    hash.update(chunk as Buffer);
    await onBytes((chunk as Buffer).length);
  }
  return hash.digest('hex');
}

async function writeAll(target: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await target.write(bytes, at)).bytesWritten;
}

/**
 * `shardctl export [FILE]`: every entry, or those of a prefix, as lines of JSON in the order of their keys' bytes. It
 * is no snapshot: what is written meanwhile may be in it or not.
 */

import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ServiceUnreachable, statusOfService } from '../admin/admin-client.ts';
import { type Key, keyOfBase64url, keyOfText } from '../kv/key.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { linesOf } from './line-reader.ts';
import { ProgressBar } from './progress-bar.ts';
import { countText, durationText } from './quantity.ts';
import { expectSuccess } from './rest-client.ts';

type ExportOptions = { readonly data: string; readonly prefix?: string };

/** Lines go out together up to this size. */
const writeBytes = 256 * 1024;

export async function exportCommand(file: string | undefined, { data, prefix }: ExportOptions): Promise<void> {
  const status = await statusOfService(data);
  const bar = new ProgressBar({
    title: 'Exporting',
    total: prefix === undefined ? status.stored?.keys || undefined : undefined,
  });
  const startedAtMs = performance.now();
  let entries = 0;
  const bytes = inChunks(entriesFrom(status.url, prefix ?? ''), () => bar.advanceTo(++entries));
  try {
    if (file === undefined || file === '-') await pipeline(Readable.from(bytes), process.stdout, { end: false });
    else await writeWhole(file, bytes);
  } catch (error) {
    if (error instanceof CliFailure || error instanceof ServiceUnreachable) throw error;
    throw new CliFailure(exitCodes.failed, `The export broke off after ${countText(entries)} entries: ${why(error)}`, {
      cause: error,
    });
  } finally {
    bar.end();
  }
  console.error(`${countText(entries)} entries exported in ${durationText(performance.now() - startedAtMs)}.`);
}

/** An export that broke off shall not look like a whole one. */
async function writeWhole(file: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const unfinished = `${file}.part`;
  try {
    await pipeline(Readable.from(bytes), createWriteStream(unfinished, { flush: true }));
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

async function* inChunks(lines: AsyncIterable<Buffer>, onLine: () => void): AsyncGenerator<Buffer> {
  const feed = Buffer.from('\n');
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  for await (const line of lines) {
    onLine();
    gathered.push(line, feed);
    gatheredBytes += line.length + 1;
    if (gatheredBytes < writeBytes) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    gatheredBytes = 0;
  }
  if (gatheredBytes > 0) yield Buffer.concat(gathered);
}

/** A stream that breaks off, because a router or a shard has died, goes on after the last whole line. */
async function* entriesFrom(url: string, prefix: string): AsyncGenerator<Buffer> {
  let last: Buffer | undefined;
  for (;;) {
    const lastBefore = last;
    try {
      const answer = await fetch(`${url}/v1/kv?${queryOf(prefix, last)}`, {
        headers: { accept: 'application/x-ndjson' },
      });
      const { body } = await expectSuccess(answer);
      for await (const { bytes } of linesOf(body as AsyncIterable<Uint8Array>, { number: 0, endOffset: 0 })) {
        last = bytes as Buffer;
        yield last;
      }
      return;
    } catch (error) {
      if (last === lastBefore) throw error;
    }
  }
}

function queryOf(prefix: string, last: Buffer | undefined): URLSearchParams {
  const query = new URLSearchParams({ values: 'true', 'key-encoding': 'base64url' });
  if (prefix !== '') query.set('prefix', Buffer.from(prefix).toString('base64url'));
  if (last !== undefined) query.set('start-after', keyIn(last).toString('base64url'));
  return query;
}

function keyIn(line: Buffer): Key {
  const { key, keyBase64url } = JSON.parse(line.toString()) as { key?: string; keyBase64url: string };
  return key === undefined ? keyOfBase64url(keyBase64url) : keyOfText(key);
}

function why(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

/** `shardctl get`, `put` and `delete`. */

import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { CliFailure, exitCodes } from './exit.ts';
import { askForKey, expectSuccess, keyOfArgument, type RestOptions } from './rest-client.ts';

type KeyOptions = RestOptions & { readonly base64url?: boolean };
type PutOptions = KeyOptions & { readonly file?: string; readonly contentType?: string };

export async function getCommand(argument: string, options: KeyOptions): Promise<void> {
  const answer = await expectSuccess(await askForKey(options, keyOfArgument(argument, options), {}));
  const value = Buffer.from(await answer.arrayBuffer());
  await new Promise((resolve) => process.stdout.write(value, resolve));
  // The prompt should begin on a line of its own. A pipe gets the value alone.
  if (process.stdout.isTTY && value.at(-1) !== 0x0a) process.stdout.write('\n');
}

export async function putCommand(argument: string, value: string | undefined, options: PutOptions): Promise<void> {
  const key = keyOfArgument(argument, options);
  const body = await valueToPut(value, options.file);
  const headers = options.contentType === undefined ? {} : { 'content-type': options.contentType };
  const answer = await expectSuccess(await askForKey(options, key, { method: 'PUT', headers, body }));
  const done = answer.status === 201 ? 'Created' : 'Replaced';
  console.log(`${done}: ${body.length} bytes, version ${answer.headers.get('etag')?.replaceAll('"', '')}.`);
}

export async function deleteCommand(argument: string, options: KeyOptions): Promise<void> {
  await expectSuccess(await askForKey(options, keyOfArgument(argument, options), { method: 'DELETE' }));
  console.log('Deleted: there is no value under this key now.');
}

async function valueToPut(value: string | undefined, file: string | undefined): Promise<Buffer> {
  if (value !== undefined && file !== undefined) {
    throw new CliFailure(exitCodes.usage, 'Give the value as an argument or with --file, not both.');
  }
  if (value !== undefined) return Buffer.from(value);
  if (file === undefined) return buffer(process.stdin);
  try {
    return await readFile(file);
  } catch (error) {
    throw new CliFailure(exitCodes.failed, `The file ${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

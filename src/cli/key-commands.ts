/** `shardctl get`, `put` and `touch`. */

import type { ShardliteClient } from '../client/connect.ts';
import { valueBytesLargest } from '../config/service-config.ts';
import { durationOf } from './duration.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { inputSourceOf } from './input-source.ts';
import { clientKeyOf, type KeyEncoding, keyOfArgument, shownKey } from './key-argument.ts';
import { failureText } from './next-step.ts';
import { print, printLine } from './output.ts';
import { printRequest } from './printed-request.ts';
import { bytesText, countOf } from './quantity.ts';
import { clientOf } from './rest-client.ts';
import type { RestOptions } from './rest-target.ts';

type KeyOptions = RestOptions & KeyEncoding & { readonly curl?: boolean };
type TouchOptions = KeyOptions & { readonly ttl: string };
type PutOptions = KeyOptions & { readonly file?: string; readonly contentType?: string; readonly ttl?: string };

export async function getCommand(argument: string, options: KeyOptions): Promise<void> {
  const key = clientKeyOf(argument, options);
  if (options.curl) return printRequest(options, [], (client, signal) => client.getBytes(key, { signal }));
  const value = await (await clientOf(options)).getBytes(key);
  if (value === undefined) throw noValue(argument, options);
  print(value);
  // The prompt should begin on a line of its own. A pipe gets the value alone.
  if (process.stdout.isTTY && value.at(-1) !== 0x0a) print('\n');
}

export async function putCommand(argument: string, value: string | undefined, options: PutOptions): Promise<void> {
  const key = clientKeyOf(argument, options);
  const { file, contentType = 'application/octet-stream', curl } = options;
  if (value !== undefined && file !== undefined) {
    throw new CliFailure(exitCodes.usage, 'Give the value as an argument or with --file, not both.');
  }
  const ttl = options.ttl === undefined ? undefined : secondsOf(options.ttl);
  const put = (client: ShardliteClient, body: Uint8Array, signal?: AbortSignal) =>
    client.put(key, body, { contentType, ...(ttl !== undefined && { ttl }), ...(signal !== undefined && { signal }) });
  if (curl) {
    const nothing = new Uint8Array();
    return printRequest(options, curlBodyOf(value, file), (client, signal) => put(client, nothing, signal));
  }
  const body = value === undefined ? await bytesIn(file) : Buffer.from(value);
  const { created, version } = await put(await clientOf(options), body);
  printLine(`${created ? 'Created' : 'Replaced'}: ${countOf(body.length, 'byte')}, version ${version}.`);
}

export async function touchCommand(argument: string, options: TouchOptions): Promise<void> {
  const key = clientKeyOf(argument, options);
  const expiry = options.ttl === 'never' ? { expiresAt: 'never' as const } : { ttl: secondsOf(options.ttl) };
  const touch = (client: ShardliteClient, signal?: AbortSignal) =>
    client.touch(key, { ...expiry, ...(signal !== undefined && { signal }) });
  if (options.curl) return printRequest(options, [], touch);
  const touched = await touch(await clientOf(options));
  if (touched === undefined) throw noValue(argument, options);
  const { expiresAt, version } = touched;
  const when = expiresAt === undefined ? 'It never expires' : `It expires at ${new Date(expiresAt).toISOString()}`;
  printLine(`${when}. Version ${version}.`);
}

function noValue(argument: string, encoding: KeyEncoding): CliFailure {
  const detail = `There is no value under the key ${shownKey(keyOfArgument(argument, encoding))}.`;
  return new CliFailure(exitCodes.failed, failureText({ code: 'key-not-found', detail }));
}

function secondsOf(ttl: string): number {
  return durationOf('--ttl', ttl) / 1_000;
}

/** `--data-raw` takes a value as it is, also one that begins with @; `@-` is standard input. */
function curlBodyOf(value: string | undefined, file: string | undefined): string[] {
  if (value !== undefined) return ['--data-raw', value];
  return ['--data-binary', `@${file === '-' ? './-' : (file ?? '-')}`];
}

/** No more than any service takes: a device may have no end. */
async function bytesIn(file: string | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of inputSourceOf(file === '-' ? './-' : file).read(0)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= valueBytesLargest) continue;
    const what = file === undefined ? 'Standard input' : `The file ${file}`;
    const most = `A value has at most ${bytesText(valueBytesLargest)}, or less where --value-bytes-max of the service says so`;
    throw new CliFailure(exitCodes.failed, `${what} is too large. ${most}.`);
  }
  return Buffer.concat(chunks);
}

/** `shardctl delete`: one key, or all keys with a prefix. */

import type { ShardliteClient } from '../client/connect.ts';
import { hasCode } from '../client/shardlite-error.ts';
import { agreementTo } from './agreement.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { clientKeyOf, type KeyEncoding, keyOfArgument, keyPartOf, shownKey } from './key-argument.ts';
import { printLine } from './output.ts';
import { printRequest } from './printed-request.ts';
import { countOf } from './quantity.ts';
import { clientOf } from './rest-client.ts';
import type { RestOptions } from './rest-target.ts';

type DeleteOptions = RestOptions &
  KeyEncoding & { readonly prefix?: string; readonly yes?: boolean; readonly curl?: boolean };

export async function deleteCommand(argument: string | undefined, options: DeleteOptions): Promise<void> {
  if (argument !== undefined && options.prefix === undefined) return deleteKey(argument, options);
  if (argument === undefined && options.prefix !== undefined) return deletePrefix(options.prefix, options);
  throw new CliFailure(exitCodes.usage, 'Give one KEY, or the --prefix of several keys.');
}

async function deleteKey(argument: string, options: DeleteOptions): Promise<void> {
  const key = clientKeyOf(argument, options);
  // With a condition, since a deletion without one does not tell whether there was anything to delete.
  const remove = (client: ShardliteClient, signal?: AbortSignal) =>
    client.delete(key, { ifPresent: true, ...(signal !== undefined && { signal }) });
  if (options.curl) return printRequest(options, [], remove);
  try {
    await remove(await clientOf(options));
    printLine('Deleted.');
  } catch (error) {
    if (!hasCode(error, 'condition-not-met')) throw error;
    printLine(`There was no value under the key ${shownKey(keyOfArgument(argument, options))}: nothing was deleted.`);
  }
}

async function deletePrefix(text: string, options: DeleteOptions): Promise<void> {
  const prefix = keyPartOf(text, options) ?? '';
  if (prefix.length === 0)
    throw new CliFailure(exitCodes.usage, 'An empty --prefix would delete every key. Give a prefix.');
  const ask = (client: ShardliteClient, signal?: AbortSignal) => client.deletePrefix(prefix, signal && { signal });
  if (options.curl) return printRequest(options, [], ask);
  if (!(await isAgreed(text, options))) return;
  const { deleted, kept } = await ask(await clientOf(options));
  const stayed = kept === 0 ? '' : ` ${countOf(kept, 'key')} stayed, because of a later write.`;
  printLine(`Deleted: ${countOf(deleted, 'key')} with the prefix ${JSON.stringify(text)}.${stayed}`);
}

/** Asks on a terminal. Elsewhere nobody can answer, so --yes is needed. */
async function isAgreed(prefix: string, { yes }: DeleteOptions): Promise<boolean> {
  if (yes) return true;
  const isAgreed = await agreementTo(`Delete every key that begins with ${JSON.stringify(prefix)}?`, process.stdout);
  if (isAgreed !== undefined) return isAgreed;
  throw new CliFailure(exitCodes.usage, 'There is no terminal to ask on. Use --yes to delete them.');
}

/**
 * `shardctl watch`: prints each write, deletion and expiry until Ctrl-C, with `--from start` after every existing key. It
 * outlives the service.
 */

import type { Change } from '../client/change-watch.ts';
import { positionOfText } from '../kv/feed-position.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { bytesOfNamed, type KeyEncoding, keyFieldsOf, keyPartOf, shownKey } from './key-argument.ts';
import { printAll } from './output.ts';
import { clientOf } from './rest-client.ts';
import type { RestOptions } from './rest-target.ts';

type WatchOptions = RestOptions &
  KeyEncoding & {
    readonly prefix?: string;
    readonly from?: 'start' | 'now';
    readonly after?: string;
    readonly json?: boolean;
  };

export async function watchCommand(options: WatchOptions): Promise<void> {
  const { from, after, json } = options;
  if (after !== undefined && positionOfText(after) === undefined) {
    throw new CliFailure(
      exitCodes.usage,
      `--after is ${JSON.stringify(after)}, but must be the id of a change, as \`shardctl watch --json\` shows it.`,
    );
  }
  const prefix = keyPartOf(options.prefix, options);
  let isBegun = false;
  const onPosition = () => {
    if (!isBegun) console.error('Watching: Ctrl-C ends.');
    isBegun = true;
  };
  const changes = (await clientOf(options)).changes({
    ...(prefix !== undefined && { prefix }),
    ...(from !== undefined && { from }),
    ...(after !== undefined && { after }),
    onPosition,
    onLive: () => console.error('That is every existing key. Changes follow.'),
  });
  await printAll(linesOf(changes, json === true));
}

async function* linesOf(changes: AsyncIterable<Change>, isJson: boolean): AsyncGenerator<string> {
  for await (const change of changes) {
    const { type, version, id } = change;
    yield isJson
      ? `${JSON.stringify({ type, ...keyFieldsOf(change), version, id })}\n`
      : `${type.padEnd('delete'.length)}  ${shownKey(bytesOfNamed(change))}  version ${version}\n`;
  }
}

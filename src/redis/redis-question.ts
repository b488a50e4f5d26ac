/**
 * How a command leaves for Redis: with all others of its turn of the event loop in one write, or by itself. A Cluster
 * that moves slots redirects single commands (MOVED, ASK), and ioredis follows; of many in one write it cannot tell
 * which of them to send elsewhere. Replies are bytes.
 */

import { Command } from 'ioredis';
import type { RedisClient } from './redis-client.ts';

export type Argument = string | number | Buffer;

type CommandName = 'eval' | 'evalsha' | 'get' | 'zrangebylex' | 'zrevrangebylex';

/** @throws ReplyError and other errors of ioredis: see redis-error.ts */
export type Ask = (command: CommandName, ...rest: readonly Argument[]) => Promise<unknown>;

/** ioredis has these of every command, but leaves those of scripts out of its types. */
type BufferCommands = { readonly [name in `${CommandName}Buffer`]: (...rest: readonly Argument[]) => Promise<unknown> };

export function askTogether(client: RedisClient): Ask {
  const commands = client as unknown as BufferCommands;
  return (command, ...rest) => commands[`${command}Buffer`](...rest);
}

export function askAlone(client: RedisClient): Ask {
  return (command, ...rest) =>
    client.sendCommand(new Command(command, [...rest], { replyEncoding: null })) as Promise<unknown>;
}

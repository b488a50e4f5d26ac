/** Commands that read and write keys, over REST. */

import type { Command } from 'commander';
import { loaded, restCommand, withKeyEncoding, withTimeout } from './shared-options.ts';

const keys = async () => import('../key-commands.ts');

export function addKeyCommands(program: Command): void {
  program.commandsGroup('Read and write keys, here or on another machine:');
  keyCommand(program, 'get <KEY>', 'write a value to standard output, byte for byte')
    .option(...curl)
    .action(loaded(async () => (await keys()).getCommand));
  keyCommand(program, 'put <KEY> [VALUE]', 'store a value: the argument, a file, or standard input')
    .option('--file <FILE>', 'take the value from this file')
    .option('--content-type <TYPE>', 'store this media type with the value')
    .option('--ttl <TIME>', 'the value is gone after so long: a number with s, m, h or d, e.g. 90s (default: never)')
    .option(...curl)
    .action(loaded(async () => (await keys()).putCommand));
  keyCommand(program, 'delete [KEY]', 'delete a key, or all that begin alike')
    .option('--prefix <PREFIX>', 'every key that begins so, in small steps; what is written meanwhile stays')
    .option('--yes', 'do not ask before keys with a prefix are deleted')
    .option(...curl)
    .action(loaded(async () => (await import('../delete-command.ts')).deleteCommand));
  withTimeout(partCommand(program, 'list', 'show the keys that there are, in the order of their bytes, one a line'))
    .option('--prefix <PREFIX>', 'only keys that begin so')
    .option('--delimiter <TEXT>', 'show keys that have this after the prefix once, up to its end: with /, as folders')
    .option('--start <KEY>', 'only this key and those after it')
    .option('--start-after <KEY>', 'only keys after this one')
    .option('--reverse', 'from the last key to the first: those after a key come before it in the order of bytes')
    .option('--limit <N>', 'at most so many (default: all)')
    .option('--json', 'print JSON lines, with version, type, size and expiry')
    .option(...curl)
    .action(loaded(async () => (await import('../list-command.ts')).listCommand));
  withTimeout(
    partCommand(
      program,
      'watch',
      'show what is written, deleted and expires from now on, until Ctrl-C; goes on when the service was away',
    ),
  )
    .option('--prefix <PREFIX>', 'only keys that begin so')
    .option('--after <ID>', 'begin behind this change: the id that --json showed with it')
    .option('--json', 'print JSON lines')
    .action(loaded(async () => (await import('../watch-command.ts')).watchCommand));
  withKeyEncoding(
    restCommand(program, 'why <KEY>', 'show which shard a key belongs to, step by step, and whether it is there'),
    keyIsEncoded,
  )
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await import('../why-command.ts')).whyCommand));
}

const curl = ['--curl', 'print the request as a curl command, and send nothing'] as const;
const keyIsEncoded = 'KEY is base64url: for keys that are not text';

function keyCommand(program: Command, nameAndArguments: string, description: string): Command {
  return withKeyEncoding(withTimeout(restCommand(program, nameAndArguments, description)), keyIsEncoded);
}

function partCommand(program: Command, name: string, description: string): Command {
  return withKeyEncoding(
    restCommand(program, name, description),
    'keys and their parts are base64url, also those shown',
  );
}

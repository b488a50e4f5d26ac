/** Commands that read and write keys, over REST. */

import { type Command, Option } from 'commander';
import { loaded, restCommand, withKeyEncoding, withTimeout } from './shared-options.ts';

const keys = async () => import('../key-commands.ts');

export function addKeyCommands(program: Command): void {
  program.commandsGroup('Read and write keys, here or on another machine:');
  keyCommand(program, 'get <KEY>', 'write a value to standard output, byte for byte')
    .option(...curl)
    .action(loaded(async () => (await keys()).getCommand));
  keyCommand(program, 'put <KEY> [VALUE]', 'store a value: the argument, a file, or standard input')
    .option('--file <FILE>', 'take the value from this file')
    .option('--content-type <TYPE>', 'store the value with this media type')
    .option(
      '--ttl <TIME>',
      'the value expires after this time: a number with s, m, h or d, such as 90s (default: never)',
    )
    .option(...curl)
    .action(loaded(async () => (await keys()).putCommand));
  keyCommand(program, 'touch <KEY>', 'set when a value expires, and keep the value')
    .requiredOption(
      '--ttl <TIME>',
      'the value expires after this time: a number with s, m, h or d, such as 90s, or never',
    )
    .option(...curl)
    .action(loaded(async () => (await keys()).touchCommand));
  keyCommand(program, 'delete [KEY]', 'delete a key, or all keys with a prefix')
    .option(
      '--prefix <PREFIX>',
      'delete every key with this prefix, in small steps; a key written after it was listed stays',
    )
    .option('--yes', 'delete keys with a prefix without asking')
    .option(...curl)
    .action(loaded(async () => (await import('../delete-command.ts')).deleteCommand));
  withTimeout(partCommand(program, 'list', 'list keys in byte order, one per line'))
    .option('--prefix <PREFIX>', 'only keys with this prefix')
    .option('--delimiter <TEXT>', 'group keys up to this text after the prefix: / shows folders')
    .option('--start <KEY>', 'begin at this key')
    .option('--start-after <KEY>', 'begin after this key')
    .option('--reverse', 'list from the last key to the first')
    .option('--limit <N>', 'at most this many keys (default: all)')
    .option('--json', 'print JSON lines, with version, type, size and expiry')
    .option(...curl)
    .action(loaded(async () => (await import('../list-command.ts')).listCommand));
  withTimeout(
    partCommand(
      program,
      'watch',
      'print each write, deletion and expiry from now on, until Ctrl-C; continues after the service was away',
    ),
  )
    .option('--prefix <PREFIX>', 'only keys with this prefix')
    .addOption(
      new Option('--from <PLACE>', 'start: print every existing key first, then each change; now (default)').choices([
        'start',
        'now',
      ]),
    )
    .option('--after <ID>', 'continue after this change: its id is in the output of --json')
    .option('--json', 'print JSON lines')
    .action(loaded(async () => (await import('../watch-command.ts')).watchCommand));
  withKeyEncoding(
    withTimeout(
      restCommand(program, 'why <KEY>', 'show step by step which shard a key belongs to, and whether the key exists'),
    ),
    keyIsEncoded,
  )
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await import('../why-command.ts')).whyCommand));
}

const curl = ['--curl', 'print the request as a curl command, and send nothing'] as const;
const keyIsEncoded = 'KEY is in base64url, for keys that are not text';

function keyCommand(program: Command, nameAndArguments: string, description: string): Command {
  return withKeyEncoding(withTimeout(restCommand(program, nameAndArguments, description)), keyIsEncoded);
}

function partCommand(program: Command, name: string, description: string): Command {
  return withKeyEncoding(
    restCommand(program, name, description),
    'keys and prefixes are in base64url, also in the output',
  );
}

/** What several commands have in common: where the service is, and how their code is loaded. */

import { type Command, Option } from 'commander';
import { usualTimeout } from '../rest-target.ts';

/** A command that talks to the service of a data directory, or to its files. */
export function operatorCommand(parent: Command, nameAndArguments: string, description: string): Command {
  return withData(parent.command(nameAndArguments).description(description));
}

/** A command that goes over REST, and so works from another machine, too. */
export function restCommand(parent: Command, nameAndArguments: string, description: string): Command {
  return parent
    .command(nameAndArguments)
    .description(description)
    .option('--data <DIR>', 'data directory of a service on this machine (default: SHARDLITE_DATA, or shards)')
    .option('--url <URL>', 'address of a service on any machine (default: SHARDLITE_URL)')
    .option(
      '--token <TOKEN>',
      'token for access; other users see it in `ps`, but not SHARDLITE_TOKEN, which is the default',
    );
}

/** For commands that wait for an answer, and ask again until then. */
export function withTimeout(command: Command, usual: string = usualTimeout): Command {
  return command.option(
    '--timeout <TIME>',
    `give up after this time without an answer, such as 5s (default: ${usual})`,
  );
}

export function withKeyEncoding(command: Command, description: string): Command {
  return command.option('--base64url', description);
}

function withData(command: Command): Command {
  const data = new Option('--data <DIR>', 'data directory of the service').env('SHARDLITE_DATA').default('shards');
  return command.addOption(data);
}

/** Loads the code of a command when it is called: it needs little of what all others need. */
export function loaded<Arguments extends unknown[]>(
  load: () => Promise<(...args: Arguments) => void | Promise<void>>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => (await load())(...args);
}

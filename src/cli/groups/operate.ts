/** Commands that show how the service does, and say who may come in. */

import type { Command } from 'commander';
import { loaded, operatorCommand } from './shared-options.ts';

const tokens = async () => import('../token-commands.ts');

export function addOperateCommands(program: Command): void {
  program.commandsGroup('Operate it:');
  operatorCommand(program, 'status', 'show every process of the service')
    .option('--json', 'print one JSON object')
    .option('--watch', 'show it again each second, until Ctrl-C')
    .action(loaded(async () => (await import('../status-command.ts')).statusCommand));
  operatorCommand(program, 'top', 'show the service live, until q').action(
    loaded(async () => (await import('../top-command.ts')).topCommand),
  );
  operatorCommand(
    program,
    'dashboard',
    'print the address of the page for operators, with the token that lets it act',
  ).action(loaded(async () => (await import('../dashboard-command.ts')).dashboardCommand));
  operatorCommand(
    program,
    'logs [PROCESS]',
    'show what processes have logged to files (--log-dir), or one, like router-1',
  )
    .option('--follow', 'go on as they log more, until Ctrl-C')
    .option('--since <TIME>', 'only what is not older: a number with s, m, h or d, e.g. 5m')
    .option('--json', 'JSON lines as they stand in the files; so it is anyway where nobody reads on a terminal')
    .action(loaded(async () => (await import('../logs-command.ts')).logsCommand));

  operatorCommand(program, 'profile <PROCESS>', 'write down where the time of a living process goes, or its heap')
    .option('--seconds <N>', 'look for so long (default: 10)')
    .option('--heap', 'a snapshot of the heap instead; the process does nothing else meanwhile')
    .option('--out <FILE>', 'write it there, where nothing is yet (default: in this directory, named for the process)')
    .action(loaded(async () => (await import('../profile-command.ts')).profileCommand));

  const token = program.command('token').description('make, list and revoke the tokens that let clients in');
  operatorCommand(token, 'create <NAME>', 'make a token and print it; from then on requests need one')
    .option('--prefix <PREFIX>', 'only keys that begin so; may be given several times (default: all)', alsoTake)
    .option('--read', 'allow reading (default: both)')
    .option('--write', 'allow writing (default: both)')
    .option('--expires <TIME>', 'it counts for so long: a number with s, m, h or d, e.g. 30d (default: until revoked)')
    .action(loaded(async () => (await tokens()).createTokenCommand));
  operatorCommand(token, 'list', 'show what is known of each token')
    .option('--json', 'print JSON')
    .action(loaded(async () => (await tokens()).listTokensCommand));
  operatorCommand(token, 'revoke <NAME>', 'let nobody in with it any more').action(
    loaded(async () => (await tokens()).revokeTokenCommand),
  );
}

/** Of an option that may be given several times. */
const alsoTake = (text: string, before: readonly string[] = []) => [...before, text];

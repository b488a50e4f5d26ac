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
    'print the address of the page for operators, with the token that it needs to make changes',
  ).action(loaded(async () => (await import('../dashboard-command.ts')).dashboardCommand));
  operatorCommand(
    program,
    'logs [PROCESS]',
    'show the log files (--log-dir) of all processes, or of one, such as router-1',
  )
    .option('--follow', 'print new lines as they come, until Ctrl-C')
    .option('--since <TIME>', 'only newer lines: a number with s, m, h or d, such as 5m')
    .option('--json', 'print JSON lines as in the files; this is the default unless the output is a terminal')
    .action(loaded(async () => (await import('../logs-command.ts')).logsCommand));

  operatorCommand(program, 'profile <PROCESS>', 'write a CPU profile or a heap snapshot of a running process')
    .option('--seconds <N>', 'duration of the profile (default: 10)')
    .option('--heap', 'write a heap snapshot instead; the process does nothing else meanwhile')
    .option('--out <FILE>', 'new file to write (default: in this directory, with the name of the process)')
    .action(loaded(async () => (await import('../profile-command.ts')).profileCommand));

  const token = program.command('token').description('create, list and revoke the tokens of clients');
  operatorCommand(token, 'create <NAME>', 'create a token and print it; from then on requests need one')
    .option('--prefix <PREFIX>', 'only keys with this prefix; may be given several times (default: all)', alsoTake)
    .option('--read', 'allow reading (default: both)')
    .option('--write', 'allow writing (default: both)')
    .option('--expires <TIME>', 'it expires after this time: a number with s, m, h or d, such as 30d (default: never)')
    .action(loaded(async () => (await tokens()).createTokenCommand));
  operatorCommand(token, 'list', 'list all tokens')
    .option('--json', 'print JSON')
    .action(loaded(async () => (await tokens()).listTokensCommand));
  operatorCommand(token, 'revoke <NAME>', 'revoke a token').action(
    loaded(async () => (await tokens()).revokeTokenCommand),
  );
}

/** Of an option that may be given several times. */
const alsoTake = (text: string, before: readonly string[] = []) => [...before, text];

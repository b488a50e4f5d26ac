/** Commands that start and end the service and its processes. */

import { Argument, type Command, Option } from 'commander';
import { flagOf, settingNames, settings } from '../../config/service-config.ts';
import { unitKinds } from '../systemd-units.ts';
import { loaded, operatorCommand } from './shared-options.ts';

const processes = async () => import('../process-commands.ts');
const reloads = async () => import('../reload-commands.ts');

export function addRunCommands(program: Command): void {
  program.commandsGroup('Run the service:');
  const start = program.command('start').description('start the service in the foreground; Ctrl-C drains and stops it');
  for (const name of settingNames) {
    const { value, description, defaultText } = settings[name];
    const usage = value === undefined ? `--${flagOf(name)}` : `--${flagOf(name)} <${value}>`;
    start.addOption(new Option(usage, `${description} (default: ${defaultText})`));
  }
  start
    .option(
      '--config <FILE>',
      'JSON file with the same settings in camelCase, e.g. {"port": 7700, "valueBytesMax": "4MiB"}',
    )
    .addHelpText(
      'after',
      '\nEach option can also be set in the environment, e.g. SHARDLITE_PORT or SHARDLITE_VALUE_BYTES_MAX.',
    )
    .action(loaded(async () => (await import('../start-command.ts')).startCommand));
  operatorCommand(program, 'stop', 'drain and stop the service').action(
    loaded(async () => (await processes()).stopCommand),
  );
  operatorCommand(
    program,
    'reload [WHAT]',
    'replace processes by new ones with the code and settings on disk, one at a time, without a failed request: routers, shards, or one such as shard-2 (default: all)',
  )
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await reloads()).reloadCommand));
  operatorCommand(
    program,
    'restart <PROCESS>',
    'restart a failed process, such as shard-2; a process that serves is reloaded',
  )
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await reloads()).reloadCommand));
  program
    .command('systemd')
    .description('print a systemd unit: the service, or the socket that outlives it')
    .addArgument(new Argument('<UNIT>', 'which one').choices(unitKinds))
    .option('--user <NAME>', 'user that runs the service', 'shardlite')
    .option('--data <DIR>', 'data directory of the service', '/var/lib/shardlite')
    .option('--listen <ADDRESS:PORT>', 'where the socket listens', '127.0.0.1:7700')
    .action(loaded(async () => (await import('../systemd-command.ts')).systemdCommand));
  operatorCommand(program, 'config', 'show every setting in use, and where it came from')
    .option('--json', 'print one JSON list')
    .action(loaded(async () => (await reloads()).configCommand));
}

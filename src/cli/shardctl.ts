#!/usr/bin/env node

/** `shardctl`: reads arguments and calls one command. Exit codes: 0 done, 1 failed, 2 usage, 3 no service. */

import { Command, CommanderError, Option } from 'commander';
import { ServiceUnreachable } from '../admin/admin-client.ts';
import { ConfigError, flagOf, settingNames, settings } from '../config/service-config.ts';
import { versionOfPackage } from '../config/version.ts';
import { backupCommand, restoreCommand, verifyBackupCommand } from './backup-commands.ts';
import { dashboardCommand } from './dashboard-command.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { exportCommand } from './export-command.ts';
import { importCommand } from './import-command.ts';
import { deleteCommand, getCommand, putCommand } from './key-commands.ts';
import { movesCommand, steerCommand, throttleCommand } from './moves-commands.ts';
import { stopCommand } from './process-commands.ts';
import { recoverCommand } from './recover-command.ts';
import { configCommand, reloadCommand } from './reload-commands.ts';
import { startCommand } from './start-command.ts';
import { statusCommand } from './status-command.ts';
import { createTokenCommand, listTokensCommand, revokeTokenCommand } from './token-commands.ts';
import { topCommand } from './top-command.ts';
import {
  addShardCommand,
  applyCommand,
  planCommand,
  rebalanceCommand,
  removeShardCommand,
} from './topology-commands.ts';
import { verifyCommand } from './verify-command.ts';
import { whyCommand } from './why-command.ts';

const program = new Command('shardctl')
  .description('Runs and operates Shardlite, a sharded key-value service on SQLite.')
  .version(versionOfPackage())
  .showHelpAfterError('(shardctl --help lists the commands, shardctl COMMAND --help its options)')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride();

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
  .action(startCommand);

/** A command that talks to a running service. */
function operatorCommand(nameAndArguments: string, description: string): Command {
  return withData(program.command(nameAndArguments).description(description));
}

function withData(command: Command): Command {
  return command.option('--data <DIR>', 'data directory of the service', process.env['SHARDLITE_DATA'] ?? 'shards');
}

operatorCommand('stop', 'drain and stop the service').action(stopCommand);
operatorCommand('status', 'show every process of the service')
  .option('--json', 'print one JSON object')
  .option('--watch', 'show it again each second, until Ctrl-C')
  .action(statusCommand);
operatorCommand('dashboard', 'print the address of the page for operators, with the token that lets it act').action(
  dashboardCommand,
);
operatorCommand('top', 'show the service live, until q').action(topCommand);
operatorCommand(
  'reload [WHAT]',
  'replace processes by new ones with the code and settings on disk, one at a time, without a failed request: routers, shards, or one like shard-2; all unless told',
)
  .option('--json', 'print one JSON object')
  .action(reloadCommand);
operatorCommand('restart <PROCESS>', 'start a failed process again, e.g. shard-2; one that serves is reloaded')
  .option('--json', 'print one JSON object')
  .action(reloadCommand);
operatorCommand('config', 'show every setting that is in force, and where it came from')
  .option('--json', 'print one JSON list')
  .action(configCommand);

const changeCommand = (nameAndArguments: string, description: string) =>
  operatorCommand(nameAndArguments, description)
    .option('--yes', 'do not ask')
    .option('--dry-run', 'only show the plan')
    .option('--json', 'print JSON lines: the plan, the progress, the end');
changeCommand('add-shard', 'add a shard, and move its share of the slots to it while clients go on')
  .option('--count <N>', 'how many (default: 1)')
  .option('--weight <W>', 'its share relative to the others (default: 1)')
  .action(addShardCommand);
changeCommand('remove-shard <ID>', 'move everything off a shard, then end it').action(removeShardCommand);
changeCommand('rebalance', 'bring every shard to its share')
  .option('--weight <ID=W...>', 'give a shard another share')
  .action(rebalanceCommand);
operatorCommand('plan <CHANGE> [ID]', 'show what add-shard, remove-shard ID or rebalance would do')
  .option('--count <N>', 'add-shard: how many')
  .option('--weight <W...>', 'add-shard: its share; rebalance: ID=W')
  .option('--out <FILE>', 'write the plan there, for `shardctl apply`')
  .option('--json', 'print one JSON object')
  .action(planCommand);
changeCommand('apply <FILE>', 'carry out a plan, unless something else was changed since it was made').action(
  applyCommand,
);
operatorCommand('moves', 'show topology changes, the latest first')
  .option('--follow', 'watch the one that is running to its end')
  .option('--json', 'print JSON')
  .action(movesCommand);
operatorCommand('pause', 'let the running change rest after the batch under way').action(
  steerCommand('pause', 'Paused after the batch under way: `shardctl resume` goes on.'),
);
operatorCommand('resume', 'go on with a paused change').action(steerCommand('resume', 'Going on.'));
operatorCommand('abort', 'undo the running change: what has moved moves back').action(
  steerCommand('abort', 'Undoing: what has moved moves back. `shardctl moves --follow` shows how far it is.'),
);
operatorCommand('throttle', 'bound the speed of moves; without an option: as fast as clients do not notice')
  .option('--rows-per-s <N>', 'at most so many rows a second')
  .option('--p99-ms <N>', "as fast as clients' p99 stays below this")
  .action(throttleCommand);

operatorCommand('verify', 'walk every row: is it where it belongs? Of a running service, or of one that is stopped')
  .option('--json', 'print one JSON object')
  .action(verifyCommand);

const backup = operatorCommand('backup', 'copy all data of the running service, as of one moment, to a directory')
  .argument('<DIR>', 'empty, or not there yet')
  .option('--rate <MiB>', 'copy at most so many MiB a second (default: 128)')
  .option('--json', 'print the manifest')
  .action(backupCommand);
backup
  .command('verify <DIR>')
  .description('compare every file of a backup with its manifest')
  .option('--json', 'print the manifest')
  .action(verifyBackupCommand);
program
  .command('restore <DIR>')
  .description('make a new data directory of a backup')
  .requiredOption('--data <NEW>', 'empty, or not there yet')
  .option('--shards <N>', 'with so many shards (default: as many as it had)')
  .option('--json', 'print the manifest')
  .action(restoreCommand);

/** Of an option that may be given several times. */
const alsoTake = (text: string, before: readonly string[] = []) => [...before, text];

const token = program.command('token').description('make, list and revoke the tokens that let clients in');
/** Of a running service, or of one that is stopped. */
const tokenCommand = (nameAndArguments: string, description: string) =>
  withData(token.command(nameAndArguments).description(description));
tokenCommand('create <NAME>', 'make a token and print it; from then on requests need one')
  .option('--prefix <PREFIX>', 'only keys that begin so; may be given several times (default: all)', alsoTake)
  .option('--read', 'allow reading (default: both)')
  .option('--write', 'allow writing (default: both)')
  .option('--expires <TIME>', 'it counts for so long: a number with s, m, h or d, e.g. 30d (default: until revoked)')
  .action(createTokenCommand);
tokenCommand('list', 'show what is known of each token').option('--json', 'print JSON').action(listTokensCommand);
tokenCommand('revoke <NAME>', 'let nobody in with it any more').action(revokeTokenCommand);

/** A command that goes over REST. */
const restCommand = (nameAndArguments: string, description: string) =>
  operatorCommand(nameAndArguments, description).option(
    '--token <TOKEN>',
    'token to come in with (default: SHARDLITE_TOKEN)',
  );

operatorCommand('recover', 'say what is wrong with the files of a stopped service, and go on from there')
  .option('--rebuild', 'make meta.sqlite anew from the files of the shards')
  .option('--accept-loss <SHARD...>', 'go on with what is left of a shard')
  .option('--yes', 'do not ask')
  .option('--json', 'print one JSON object')
  .action(recoverCommand);

const keyOptions = (command: Command) => command.option('--base64url', 'KEY is base64url: for keys that are not text');
keyOptions(restCommand('why <KEY>', 'show which shard a key belongs to, step by step, and whether it is there'))
  .option('--json', 'print one JSON object')
  .action(whyCommand);
keyOptions(restCommand('get <KEY>', 'write a value to standard output, byte for byte')).action(getCommand);
keyOptions(restCommand('put <KEY> [VALUE]', 'store a value: the argument, a file, or standard input'))
  .option('--file <FILE>', 'take the value from this file')
  .option('--content-type <TYPE>', 'store this media type with the value')
  .action(putCommand);
keyOptions(restCommand('delete <KEY>', 'delete a key')).action(deleteCommand);
restCommand('import [FILE]', 'write the entries of a file of JSON lines, or of standard input')
  .option('--resume', 'go on where an import of the file was interrupted')
  .option('--json', 'print JSON lines: the progress, what is refused, the end')
  .action(importCommand);
restCommand('export [FILE]', 'write every entry as a JSON line to a file, or to standard output')
  .option('--prefix <PREFIX>', 'only keys that begin so')
  .option('--force', 'replace a file that is there')
  .action(exportCommand);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Prints one sentence for an error whose cause is known, and returns the exit code. A defect shows its stack. */
function report(error: unknown): number {
  // Commander has already printed its message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (error instanceof ConfigError) {
    console.error(`shardctl: ${error.message}`);
    return exitCodes.usage;
  }
  if (error instanceof ServiceUnreachable) {
    console.error(`shardctl: ${error.message}`);
    return exitCodes.unreachable;
  }
  if (error instanceof CliFailure) {
    console.error(`shardctl: ${error.message}`);
    return error.exitCode;
  }
  throw error;
}

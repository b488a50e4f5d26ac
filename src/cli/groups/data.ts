/** Commands that copy, check and repair all of the data. */

import type { Command } from 'commander';
import { loaded, operatorCommand, restCommand } from './shared-options.ts';

const backups = async () => import('../backup-commands.ts');

export function addDataCommands(program: Command): void {
  program.commandsGroup('Copy, check and repair data:');
  restCommand(program, 'import [FILE]', 'write the entries of a file of JSON lines, or of standard input')
    .option('--resume', 'go on where an import of the file was interrupted')
    .option('--json', 'print JSON lines: the progress, what is refused, the end')
    .action(loaded(async () => (await import('../import-command.ts')).importCommand));
  restCommand(program, 'export [FILE]', 'write every entry as a JSON line to a file, or to standard output')
    .option('--prefix <PREFIX>', 'only keys that begin so')
    .option('--force', 'replace a file that is there')
    .action(loaded(async () => (await import('../export-command.ts')).exportCommand));
  const backup = operatorCommand(
    program,
    'backup',
    'copy all data of the running service, as of one moment, to a directory',
  )
    .argument('<DIR>', 'empty, or not there yet')
    .option('--since <PREVIOUS>', 'an earlier backup: files that have not changed since are linked from it, not copied')
    .option('--rate <MiB>', 'copy at most so many MiB a second (default: 128)')
    .option('--json', 'print the manifest')
    .action(loaded(async () => (await backups()).backupCommand));
  backup
    .command('verify <DIR>')
    .description('compare every file of a backup with its manifest')
    .option('--json', 'print the manifest')
    .action(loaded(async () => (await backups()).verifyBackupCommand));
  program
    .command('restore <DIR>')
    .description('make a new data directory of a backup')
    .requiredOption('--data <NEW>', 'empty, or not there yet')
    .option('--shards <N>', 'with so many shards (default: as many as it had)')
    .option('--json', 'print the manifest')
    .action(loaded(async () => (await backups()).restoreCommand));
  operatorCommand(
    program,
    'verify',
    'walk every row: is it where it belongs? Of a running service, or of one that is stopped',
  )
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await import('../verify-command.ts')).verifyCommand));
  operatorCommand(program, 'recover', 'say what is wrong with the files of a stopped service, and go on from there')
    .option('--rebuild', 'make meta.sqlite anew from the files of the shards')
    .option('--accept-loss <SHARD...>', 'go on with what is left of a shard')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await import('../recover-command.ts')).recoverCommand));
}

/** Commands that copy, check and repair all of the data. */

import type { Command } from 'commander';
import { patientTimeout } from '../patience.ts';
import { loaded, operatorCommand, restCommand, withTimeout } from './shared-options.ts';

const backups = async () => import('../backup-commands.ts');

export function addDataCommands(program: Command): void {
  program.commandsGroup('Copy, check and repair data:');
  withTimeout(
    restCommand(program, 'import [FILE]', 'store the entries of a file of JSON lines, or of standard input'),
    patientTimeout,
  )
    .option('--resume', 'continue an interrupted import of the same file')
    .option('--json', 'print JSON lines: progress, refused entries, the end')
    .action(loaded(async () => (await import('../import-command.ts')).importCommand));
  withTimeout(
    restCommand(program, 'export [FILE]', 'write every entry as a JSON line to a file, or to standard output'),
    patientTimeout,
  )
    .option('--prefix <PREFIX>', 'only keys with this prefix')
    .option('--force', 'replace an existing file')
    .action(loaded(async () => (await import('../export-command.ts')).exportCommand));
  const backup = operatorCommand(
    program,
    'backup',
    'copy all data of the running service, as of one moment, to a directory',
  )
    .argument('<DIR>', 'an empty or new directory')
    .option('--since <PREVIOUS>', 'an earlier backup: unchanged files are linked from it, not copied')
    .option('--rate <MiB>', 'copy at most this many MiB per second (default: 128)')
    .option('--json', 'print the manifest')
    .action(loaded(async () => (await backups()).backupCommand));
  backup
    .command('verify <DIR>')
    .description('compare every file of a backup with its manifest')
    .option('--json', 'print the manifest')
    .action(loaded(async () => (await backups()).verifyBackupCommand));
  program
    .command('restore <DIR>')
    .description('make a new data directory from a backup')
    .requiredOption('--data <NEW>', 'an empty or new directory')
    .option('--shards <N>', 'number of shards (default: as in the backup)')
    .option('--json', 'print the manifest')
    .action(loaded(async () => (await backups()).restoreCommand));
  operatorCommand(program, 'verify', 'check that every row is where it belongs, in a running or a stopped service')
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await import('../verify-command.ts')).verifyCommand));
  operatorCommand(program, 'recover', 'show which files of a stopped service do not fit, and repair them')
    .option('--rebuild', 'make a new meta.sqlite from the files of the shards')
    .option('--accept-loss <SHARD...>', 'continue with what is left of a shard')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await import('../recover-command.ts')).recoverCommand));
}

/** Every command of `shardctl`, with its arguments and options: what usage, help and the rest are made of. */

import { Command } from 'commander';
import { addDataCommands } from './groups/data.ts';
import { addHelpCommands } from './groups/help.ts';
import { addKeyCommands } from './groups/keys.ts';
import { addOperateCommands } from './groups/operate.ts';
import { addRunCommands } from './groups/run.ts';
import { addTopologyCommands } from './groups/topology.ts';
import { refuseEmpty } from './refuse-empty.ts';

/** Parses nothing yet. @param writeHelp takes what is asked for: help, and the version */
export function newProgram(version: string, writeHelp: (text: string) => void): Command {
  const program = new Command('shardctl')
    .description('Runs and operates Shardlite, a sharded key-value service on SQLite.')
    .version(version)
    .showHelpAfterError('(shardctl --help lists the commands, shardctl COMMAND --help shows its options)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: writeHelp })
    .exitOverride()
    .hook('preAction', (_program, command) => refuseEmpty(command));
  addRunCommands(program);
  addKeyCommands(program);
  addTopologyCommands(program);
  addOperateCommands(program);
  addDataCommands(program);
  addHelpCommands(program);
  return program;
}

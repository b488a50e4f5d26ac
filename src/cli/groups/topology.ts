/** Commands that change how many shards there are, and what each has. */

import type { Command } from 'commander';
import { loaded, operatorCommand } from './shared-options.ts';

const topology = async () => import('../topology-commands.ts');
const moves = async () => import('../moves-commands.ts');

export function addTopologyCommands(program: Command): void {
  program.commandsGroup('Change the topology while clients go on:');
  const changeCommand = (nameAndArguments: string, description: string) =>
    operatorCommand(program, nameAndArguments, description)
      .option('--yes', 'do not ask')
      .option('--dry-run', 'only show the plan')
      .option('--json', 'print JSON lines: the plan, the progress, the end');
  changeCommand('add-shard', 'add a shard, and move its share of the slots to it while clients go on')
    .option('--count <N>', 'how many (default: 1)')
    .option('--weight <W>', 'its share relative to the others (default: 1)')
    .action(loaded(async () => (await topology()).addShardCommand));
  changeCommand('remove-shard <ID>', 'move everything off a shard, then end it').action(
    loaded(async () => (await topology()).removeShardCommand),
  );
  changeCommand('rebalance', 'bring every shard to its share')
    .option('--weight <ID=W...>', 'give a shard another share')
    .action(loaded(async () => (await topology()).rebalanceCommand));
  operatorCommand(program, 'plan <CHANGE> [ID]', 'show what add-shard, remove-shard ID or rebalance would do')
    .option('--count <N>', 'add-shard: how many')
    .option('--weight <W...>', 'add-shard: its share; rebalance: ID=W')
    .option('--out <FILE>', 'write the plan there, for `shardctl apply`')
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await topology()).planCommand));
  changeCommand('apply <FILE>', 'carry out a plan, unless something else was changed since it was made').action(
    loaded(async () => (await topology()).applyCommand),
  );
  operatorCommand(program, 'moves', 'show topology changes, the latest first')
    .option('--follow', 'watch the one that is running to its end')
    .option('--json', 'print JSON')
    .action(loaded(async () => (await moves()).movesCommand));
  operatorCommand(program, 'pause', 'pause the running change after the batch under way').action(
    loaded(async () =>
      (await moves()).steerCommand('pause', 'Paused after the batch under way: `shardctl resume` goes on.'),
    ),
  );
  operatorCommand(program, 'resume', 'resume a paused change').action(
    loaded(async () => (await moves()).steerCommand('resume', 'Going on.')),
  );
  operatorCommand(program, 'abort', 'roll the running change back: what has moved moves back').action(
    loaded(async () =>
      (await moves()).steerCommand(
        'abort',
        'Undoing: what has moved moves back. `shardctl moves --follow` shows how far it is.',
      ),
    ),
  );
  operatorCommand(program, 'throttle', 'bound the speed of moves; without an option: as fast as clients do not notice')
    .option('--rows-per-s <N>', 'at most so many rows a second')
    .option('--p99-ms <N>', "as fast as clients' p99 stays below this")
    .action(loaded(async () => (await moves()).throttleCommand));
}

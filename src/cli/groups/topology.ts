/** Commands that change how many shards there are, and what each has. */

import type { Command } from 'commander';
import { loaded, operatorCommand } from './shared-options.ts';

const topology = async () => import('../topology-commands.ts');
const moves = async () => import('../moves-commands.ts');

export function addTopologyCommands(program: Command): void {
  program.commandsGroup('Change the topology while clients continue:');
  const changeCommand = (nameAndArguments: string, description: string) =>
    operatorCommand(program, nameAndArguments, description)
      .option('--yes', 'do not ask')
      .option('--dry-run', 'only show the plan')
      .option('--json', 'print JSON lines: the plan, the progress, the end');
  changeCommand('add-shard', 'add a shard and move its share of the slots to it, while clients continue')
    .option('--count <N>', 'how many (default: 1)')
    .option('--weight <W>', 'its share relative to the others (default: 1)')
    .action(loaded(async () => (await topology()).addShardCommand));
  changeCommand('remove-shard <ID>', 'move all slots off a shard, then stop it').action(
    loaded(async () => (await topology()).removeShardCommand),
  );
  changeCommand('rebalance', 'give every shard its share of the slots')
    .option('--weight <ID=W...>', 'give a shard another share')
    .action(loaded(async () => (await topology()).rebalanceCommand));
  operatorCommand(program, 'plan <CHANGE> [ID]', 'show what add-shard, remove-shard ID or rebalance would do')
    .option('--count <N>', 'add-shard: how many')
    .option('--weight <W...>', 'add-shard: its share; rebalance: ID=W')
    .option('--out <FILE>', 'write the plan there, for `shardctl apply`')
    .option('--json', 'print one JSON object')
    .action(loaded(async () => (await topology()).planCommand));
  changeCommand('apply <FILE>', 'carry out a plan, unless the topology changed since it was made').action(
    loaded(async () => (await topology()).applyCommand),
  );
  operatorCommand(program, 'moves', 'list topology changes, the latest first')
    .option('--follow', 'watch the running one until it ends')
    .option('--json', 'print JSON')
    .action(loaded(async () => (await moves()).movesCommand));
  operatorCommand(program, 'pause', 'pause the running change after its current batch').action(
    loaded(async () =>
      (await moves()).steerCommand(
        'pause',
        'The change pauses after its current batch. `shardctl resume` continues it.',
      ),
    ),
  );
  operatorCommand(program, 'resume', 'resume a paused change').action(
    loaded(async () => (await moves()).steerCommand('resume', 'The change continues.')),
  );
  operatorCommand(program, 'abort', 'roll the running change back: every slot returns to its former shard').action(
    loaded(async () =>
      (await moves()).steerCommand('abort', 'The change is rolled back. `shardctl moves --follow` shows its progress.'),
    ),
  );
  operatorCommand(
    program,
    'throttle',
    'limit the speed of moves; without an option, they adapt to the latency of clients',
  )
    .option('--rows-per-s <N>', 'at most this many rows per second')
    .option('--p99-ms <N>', "as fast as possible while clients' p99 stays below this")
    .action(loaded(async () => (await moves()).throttleCommand));
}

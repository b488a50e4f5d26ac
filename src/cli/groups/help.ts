/** Commands that tell of the others. */

import { Argument, type Command } from 'commander';
import { type Shell, shells } from '../completion-script.ts';

const shell = async () => import('../shell-commands.ts');

export function addHelpCommands(program: Command): void {
  program.commandsGroup('Help:');
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<SHELL>', 'your shell').choices(shells))
    .addHelpText(
      'after',
      `
bash: eval "$(shardctl completion bash)" in ~/.bashrc
zsh:  eval "$(shardctl completion zsh)" in ~/.zshrc, after compinit
fish: shardctl completion fish > ~/.config/fish/completions/shardctl.fish`,
    )
    .action(async (name: Shell) => (await shell()).completionCommand(name, program));
  program
    .command('man')
    .description('print the manual page: shardctl man | man -l -')
    .action(async () => (await shell()).manCommand(program));
  program.helpCommand('help [COMMAND]', 'show what a command does, and its options');
}

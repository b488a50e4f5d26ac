/** `shardctl completion` and `shardctl man`: what a shell and its reader want to know of all commands. */

import type { Command } from 'commander';
import { commandTree } from './command-tree.ts';
import { completionScript, type Shell } from './completion-script.ts';
import { manPage } from './man-page.ts';
import { print } from './output.ts';

export function completionCommand(shell: Shell, program: Command): void {
  print(completionScript(shell, commandTree(program)));
}

export function manCommand(program: Command): void {
  print(manPage({ tree: commandTree(program), version: program.version() as string }));
}

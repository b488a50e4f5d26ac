/** The commands of `shardctl` as plain objects: what completion and the manual page are made of. Pure. */

import type { Argument, Command, Option } from 'commander';

export type OptionEntry = {
  /** With its dashes. */
  readonly flag: string;
  /** As usage names it, e.g. `FILE`; undefined where the option takes no value. */
  readonly value: string | undefined;
  readonly description: string;
};

export type ArgumentEntry = {
  readonly name: string;
  readonly isRequired: boolean;
  readonly choices: readonly string[];
};

export type CommandEntry = {
  /** From below `shardctl` on: `['token', 'create']`. */
  readonly path: readonly string[];
  readonly group: string;
  readonly description: string;
  readonly arguments: readonly ArgumentEntry[];
  readonly options: readonly OptionEntry[];
  readonly commands: readonly CommandEntry[];
};

export function commandTree(program: Command): CommandEntry {
  return entryOf(program, []);
}

/** All commands below this one, each after the one that it belongs to. */
export function commandsBelow({ commands }: CommandEntry): CommandEntry[] {
  return commands.flatMap((command) => [command, ...commandsBelow(command)]);
}

function entryOf(command: Command, path: readonly string[]): CommandEntry {
  return {
    path,
    group: command.helpGroup().replace(/:$/, ''),
    description: command.description(),
    arguments: command.registeredArguments.map(argumentOf),
    options: command.createHelp().visibleOptions(command).map(optionOf),
    commands: command.commands.map((one) => entryOf(one, [...path, one.name()])),
  };
}

function argumentOf(argument: Argument): ArgumentEntry {
  return { name: argument.name(), isRequired: argument.required, choices: argument.argChoices ?? [] };
}

function optionOf({ long, description, flags, required, optional }: Option): OptionEntry {
  const [, value] = /<([^>]*)>/.exec(flags) ?? [];
  return { flag: long as string, value: required || optional ? (value ?? 'VALUE') : undefined, description };
}

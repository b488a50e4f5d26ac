/** The manual page `shardctl(1)`, made of the same commands as usage and help: roff, with the macros of man(7). Pure. */

import { type ArgumentEntry, type CommandEntry, commandsBelow } from './command-tree.ts';

export type ManPageOptions = { readonly tree: CommandEntry; readonly version: string };

export function manPage({ tree, version }: ManPageOptions): string {
  const groups = [...new Set(tree.commands.map(({ group }) => group))];
  return `${[
    // No date: the same sources make the same page.
    `.TH SHARDCTL 1 "" "shardlite ${version}" "Shardlite"`,
    '.SH NAME',
    `shardctl \\- run and operate Shardlite, a sharded key-value service on SQLite`,
    '.SH SYNOPSIS',
    '.B shardctl',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    plain(
      'shardctl start runs a service in the foreground. All other commands talk to a running service, or work on the files',
    ),
    plain(
      'of a stopped one. They reach the service of --data by its socket, which only its user can open, or any service over REST.',
    ),
    ...groups.flatMap((group) => [
      `.SH ${plain(group.toUpperCase())}`,
      ...tree.commands
        .filter((one) => one.group === group)
        .flatMap((one) => [one, ...commandsBelow(one)].flatMap(commandText)),
    ]),
    ...closing,
  ].join('\n')}\n`;
}

function commandText(command: CommandEntry): string[] {
  // Those that only lead to others have nothing of their own to say.
  if (command.commands.length > 0 && command.arguments.length === 0) return [];
  return [
    `.SS ${plain(['shardctl', ...command.path, ...command.arguments.map(argumentText)].join(' '))}`,
    plain(sentence(command.description)),
    ...command.options.flatMap(({ flag, value, description }) => [
      '.TP',
      value === undefined ? `.B ${plain(flag)}` : `.BI ${plain(flag)} " ${plain(value)}"`,
      // What this machine has is no matter of the page.
      plain(description.replace(/: here \d+\)$/, ')')),
    ]),
  ];
}

function argumentText({ name, isRequired }: ArgumentEntry): string {
  return isRequired ? name : `[${name}]`;
}

const closing = [
  '.SH EXIT STATUS',
  ...[
    ['0', 'Done.'],
    ['1', 'Failed: a message on standard error says why, and what to do.'],
    ['2', 'Wrong usage.'],
    ['3', 'No service runs there, or it does not answer.'],
  ].flatMap(([code, meaning]) => ['.TP', `.B ${code}`, meaning as string]),
  '.SH ENVIRONMENT',
  ...[
    ['SHARDLITE_URL', 'Address of the service, for commands that use the REST API.'],
    ['SHARDLITE_TOKEN', 'Token for access. Other users of the machine cannot see it; they can see --token.'],
    ['SHARDLITE_DATA', 'Data directory, if --data is not given.'],
    ['SHARDLITE_\\fISETTING\\fP', 'Each option of shardctl start, in capital letters.'],
  ].flatMap(([name, meaning]) => ['.TP', `.B ${name}`, plain(meaning as string)]),
];

function sentence(text: string): string {
  const begun = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?)]$/.test(begun) ? begun : `${begun}.`;
}

/** A line that roff prints as it is. */
function plain(text: string): string {
  const escaped = text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/**
 * Completion for shells, as one script each. It is made of the commands once, and knows all of them: nothing runs when
 * Tab is pressed. Pure.
 */

import { type CommandEntry, commandsBelow, type OptionEntry } from './command-tree.ts';
import { quotedForShell } from './curl-text.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, tree: CommandEntry): string {
  const commands = [tree, ...commandsBelow(tree)];
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      return zshScript(commands);
    case 'fish':
      return fishScript(commands);
  }
}

/** Names of values and arguments that are files. */
const fileNames = ['FILE', 'DIR', 'NEW'];

/** Where a command line stands is said by the commands so far, each after a space. */
function placeOf({ path }: CommandEntry): string {
  return path.map((name) => ` ${name}`).join('');
}

/** What may follow a command besides options. */
function wordsAfter({ commands, arguments: some }: CommandEntry): string[] {
  return [...commands.map(({ path }) => path.at(-1) as string), ...some.flatMap(({ choices }) => choices)];
}

function takesFile({ arguments: some }: CommandEntry): boolean {
  return some.some(({ name }) => fileNames.includes(name));
}

function valued(commands: readonly CommandEntry[], isWanted: (option: OptionEntry) => boolean): string[] {
  return commands.flatMap((command) =>
    command.options.filter(isWanted).map(({ flag }) => `'${placeOf(command)} ${flag}'`),
  );
}

const isFile = ({ value }: OptionEntry) => value !== undefined && fileNames.includes(value);
const isOther = ({ value }: OptionEntry) => value !== undefined && !fileNames.includes(value);

function places(commands: readonly CommandEntry[]): string {
  return commands
    .filter(({ path }) => path.length > 0)
    .map((command) => `'${placeOf(command)}'`)
    .join('|');
}

function bashScript(commands: readonly CommandEntry[]): string {
  const cases = commands.map((command) => {
    const flags = command.options.map(({ flag }) => flag);
    return `    '${placeOf(command)}') words='${wordsAfter(command).join(' ')}' flags='${flags.join(' ')}' files=${takesFile(command) ? 1 : 0} ;;`;
  });
  return `# shardctl completion bash
_shardctl() {
  local at='' word words='' flags='' files=0 IFS=$' \\t\\n'
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in ${places(commands)}) at="$at $word" ;; esac
  done
  case "$at $before" in
    ${valued(commands, isFile).join('|')}) IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${valued(commands, isOther).join('|')}) COMPREPLY=(); return ;;
  esac
  case "$at" in
${cases.join('\n')}
  esac
  case "$current" in -*) words="$flags" files=0 ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "$files" = 1 ]; then IFS=$'\\n'; COMPREPLY+=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _shardctl shardctl
`;
}

function zshScript(commands: readonly CommandEntry[]): string {
  const described = (word: string, description: string) =>
    quotedForShell(`${word.replaceAll(':', '\\:')}:${description}`);
  const cases = commands.map((command) => {
    const words = [
      ...command.commands.map(({ path, description }) => described(path.at(-1) as string, description)),
      ...command.arguments.flatMap(({ choices }) => choices),
    ];
    const flags = command.options.map(({ flag, description }) => described(flag, description));
    return `    '${placeOf(command)}') words_=(${words.join(' ')}) flags=(${flags.join(' ')}) files=${takesFile(command) ? 1 : 0} ;;`;
  });
  return `#compdef shardctl
_shardctl() {
  local at='' word files=0
  local -a words_ flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in ${places(commands)}) at="$at $word" ;; esac
  done
  case "$at \${words[CURRENT-1]}" in
    ${valued(commands, isFile).join('|')}) _files; return ;;
    ${valued(commands, isOther).join('|')}) return ;;
  esac
  case "$at" in
${cases.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then _describe option flags; return; fi
  (( \${#words_} )) && _describe command words_
  (( files )) && _files
}
if [ "\${funcstack[1]}" = _shardctl ]; then _shardctl "$@"; else compdef _shardctl shardctl; fi
`;
}

function fishScript(commands: readonly CommandEntry[]): string {
  const lines = commands.flatMap((command) => {
    const here = `complete -c shardctl -n "__shardctl_at '${placeOf(command)}'"`;
    return [
      ...command.commands.map(({ path, description }) => `${here} -a ${path.at(-1)} -d ${quotedForFish(description)}`),
      ...command.arguments.flatMap(({ choices }) => choices).map((choice) => `${here} -a ${choice}`),
      ...(takesFile(command) ? [`${here} -F`] : []),
      ...command.options.map(
        ({ flag, value, description }) =>
          `${here} -l ${flag.slice(2)}${value === undefined ? '' : fileNames.includes(value) ? ' -r -F' : ' -x'} -d ${quotedForFish(description)}`,
      ),
    ];
  });
  return `# shardctl completion fish
function __shardctl_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $word" ${places(commands).replaceAll('|', ' ')}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c shardctl -f
${lines.join('\n')}
`;
}

function quotedForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

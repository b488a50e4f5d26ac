/** What is made of the commands: help in groups, completion for shells, and the manual page. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CommandEntry, commandsBelow, commandTree } from '../../src/cli/command-tree.ts';
import { completionScript } from '../../src/cli/completion-script.ts';
import { manPage } from '../../src/cli/man-page.ts';
import { newProgram } from '../../src/cli/program.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { projectRoot } from '../support/user-docs.ts';

const { version, man } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Record<string, string>;
const program = newProgram(version as string, () => {});
const tree = commandTree(program);
const commands = [tree, ...commandsBelow(tree)];

const isThere = (name: string) => spawnSync('which', [name]).status === 0;
const flagsOf = ({ options }: CommandEntry) => options.map(({ flag }) => flag).sort();
const wordsOf = (entry: CommandEntry) =>
  [...entry.commands.map(({ path }) => path.at(-1)), ...entry.arguments.flatMap(({ choices }) => choices)].sort();

function fileWith(text: string): string {
  const file = join(temporaryDirectory(), 'file');
  writeFileSync(file, text);
  return file;
}

test('help has every command in a group, and the tree has the same', () => {
  const groups = [...new Set(tree.commands.map(({ group }) => group))];
  expect(groups).toEqual([
    'Run the service',
    'Read and write keys, here or on another machine',
    'Change the topology while clients continue',
    'Operate it',
    'Copy, check and repair data',
    'Help',
  ]);
  const help = program.helpInformation();
  for (const { path } of tree.commands) expect(help).toMatch(new RegExp(`^  ${path[0]} `, 'm'));
  expect(commands.map(({ path }) => path.join(' '))).toContain('token create');
});

/** Sets what bash would set, and prints what it would offer, a line for each command line. */
const inBash = `
offered() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shardctl; echo "\${COMPREPLY[*]}"; }`;
const inZsh = `
compdef() { }
_describe() { local -a found; found=("\${(@P)2}"); print -rn -- "\${(@)found%%:*} "; }
_files() { print -n 'FILES '; }
offered() { words=("$@"); CURRENT=$#; _shardctl; print; }`;

test.skipIf(!isThere('bash')).each([
  ['bash', inBash],
  ['zsh', inZsh],
] as const)('%s completes every command, and every option of each', (shell, driver) => {
  if (!isThere(shell)) return console.warn(`SKIPPED: there is no ${shell}`);
  const lines = commands.flatMap(({ path }) => [
    ['shardctl', ...path, ''],
    ['shardctl', ...path, '--'],
  ]);
  const asked = lines.map((words) => `offered ${words.map((word) => `'${word}'`).join(' ')}`).join('\n');
  const script = fileWith(`${driver}\n${completionScript(shell, tree)}\ncd /proc/self/fdinfo; set -f\n${asked}\n`);
  const offered = execFileSync(shell, [script], { encoding: 'utf8' }).split('\n').slice(0, -1);
  expect(offered).toHaveLength(lines.length);
  commands.forEach((command, at) => {
    const [words = [], flags = []] = [offered[2 * at], offered[2 * at + 1]].map((line = '') =>
      line.split(/[\s]+/).filter((word) => word !== '' && word !== 'FILES' && !/^\d+$/.test(word)),
    );
    expect([command.path, words.sort(), flags.sort()]).toEqual([command.path, wordsOf(command), flagsOf(command)]);
  });
});

test('bash offers files where a file is wanted, nothing where a number is, and half a word to its end', () => {
  const script = fileWith(`${completionScript('bash', tree)}\n${inBash}
cd '${projectRoot}'
offered shardctl put key --file pack
offered shardctl import READ
offered shardctl list --limit ''
offered shardctl token cr
offered shardctl add-shard --count 3 --we`);
  expect(execFileSync('bash', [script], { encoding: 'utf8' }).split('\n')).toEqual(
    ['package.json package-lock.json', 'README.md', '', 'create', '--weight', ''].map((line, at) =>
      at === 0 ? expect.stringMatching(/package\.json/) : line,
    ),
  );
});

test('fish completes commands, options, files and shells', () => {
  if (!isThere('fish')) return console.warn('SKIPPED: there is no fish');
  const script = fileWith(completionScript('fish', tree));
  const offered = (line: string) =>
    execFileSync('fish', ['--no-config', '-c', `source ${script}; cd ${projectRoot}; complete -C '${line}'`], {
      encoding: 'utf8',
    })
      .split('\n')
      .map((found) => found.split('\t')[0])
      .slice(0, -1);
  expect(offered('shardctl token ').sort()).toEqual(['create', 'list', 'revoke']);
  expect(offered('shardctl completion ').sort()).toEqual(['bash', 'fish', 'zsh']);
  expect(offered('shardctl list --st').sort()).toEqual(['--start', '--start-after']);
  expect(offered('shardctl put key --file READ')).toEqual(['README.md']);
  expect(offered('shardctl put --ttl READ')).toEqual([]);
});

test('the manual page has every command and option, and a reader of manual pages finds nothing wrong', () => {
  const page = manPage({ tree, version: version as string });
  for (const { path, options, commands: below } of commands.slice(1)) {
    const title = `.SS shardctl ${path.join(' ')}`.replaceAll('-', '\\-');
    if (below.length === 0) expect(page).toContain(title);
    for (const { flag } of below.length === 0 ? options : []) expect(page).toContain(flag.replaceAll('-', '\\-'));
  }
  // Whoever installs the package gets the same.
  expect(readFileSync(join(projectRoot, man as string), 'utf8')).toBe(page);
  if (!isThere('mandoc')) return console.warn('SKIPPED: there is no mandoc');
  const { stdout } = spawnSync('mandoc', ['-Tlint', '-Wwarning', fileWith(page)], { encoding: 'utf8' });
  // The same sources make the same page on any day.
  expect(stdout).toMatch(/^mandoc: \S+ WARNING: missing date, using "": TH\n$/);
});

/** Refuses an empty argument where nobody means one: it mostly comes from a variable that is not set. */

import type { Command } from 'commander';
import { CliFailure, exitCodes } from './exit.ts';

/** Empty values and prefixes are as good as others, and keys have a rule of their own. */
const mayBeEmpty = ['VALUE', 'PREFIX', 'KEY', 'TEXT'];

/** @throws CliFailure with the exit code for wrong usage */
export function refuseEmpty(command: Command): void {
  for (const [index, argument] of command.registeredArguments.entries()) {
    if (isEmpty(command.processedArgs[index], argument.name())) throw empty(argument.name(), argument.required);
  }
  for (const option of command.options) {
    const name = option.attributeName();
    const [, placeholder = ''] = /[<[]([^>\]]+)/.exec(option.flags) ?? [];
    if (!isEmpty(command.getOptionValue(name), placeholder)) continue;
    const isFromEnvironment = command.getOptionValueSource(name) === 'env';
    throw empty((isFromEnvironment ? option.envVar : option.long) as string, option.mandatory);
  }
}

function isEmpty(value: unknown, placeholder: string): boolean {
  return [value].flat().includes('') && !mayBeEmpty.includes(placeholder);
}

function empty(name: string, isNeeded: boolean): CliFailure {
  return new CliFailure(exitCodes.usage, `${name} is empty. Give it a value${isNeeded ? '' : ', or leave it out'}.`);
}

/** Asks the person at the terminal before a command does something that cannot be undone. */

import { createInterface } from 'node:readline/promises';

/** Undefined when nobody can answer, because standard input or the output is no terminal. */
export async function agreementTo(question: string, output: NodeJS.WriteStream): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !output.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output });
  const answer = await terminal.question(`${question} [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

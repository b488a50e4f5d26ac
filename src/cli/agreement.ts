/** Asks the person at the terminal before something is done that cannot be taken back. */

import { createInterface } from 'node:readline/promises';

/** Undefined when nobody can answer: input or the place where the question stands is no terminal. */
export async function agreementTo(question: string, output: NodeJS.WriteStream): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !output.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output });
  const answer = await terminal.question(`${question} [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Runs one command of `shardctl`, and prints one sentence where it fails. Exit codes: 0 done, 1 failed, 2 usage, 3 no service. */

import { CommanderError } from 'commander';
import { ServiceFailed, ServiceUnreachable } from '../admin/admin-client.ts';
import { ShardliteError } from '../client/shardlite-error.ts';
import { ConfigError } from '../config/read-config.ts';
import { versionOfPackage } from '../config/version.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { failureText } from './next-step.ts';
import { allPrinted, print } from './output.ts';
import { newProgram } from './program.ts';

/**
 * @param args as after `shardctl` on a command line
 * @returns the exit code
 * @throws whatever is a defect
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const exitCode = await ended(newProgram(versionOfPackage(), print).parseAsync(args, { from: 'user' }));
  // A command that failed has said so.
  return exitCode === exitCodes.done ? ended(allPrinted()) : exitCode;
}

async function ended(work: Promise<unknown>): Promise<number> {
  try {
    await work;
    return exitCodes.done;
  } catch (error) {
    return report(error);
  }
}

/** Prints one sentence for an error whose cause is known, and returns the exit code. */
function report(error: unknown): number {
  // Commander has already printed its message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (error instanceof ConfigError) return said(error.message, exitCodes.usage);
  if (error instanceof ServiceUnreachable) return said(error.message, exitCodes.unreachable);
  if (error instanceof ServiceFailed) return said(error.message, exitCodes.failed);
  if (error instanceof CliFailure) return said(error.message, error.exitCode);
  if (error instanceof ShardliteError) {
    return said(failureText({ code: error.code, detail: error.message }), exitCodeOf(error));
  }
  throw error;
}

function exitCodeOf({ code, status }: ShardliteError): number {
  if (code === 'no-answer' || code === 'certificate-untrusted') return exitCodes.unreachable;
  // Without a status, nothing was sent.
  return status === 0 ? exitCodes.usage : exitCodes.failed;
}

function said(sentence: string, exitCode: number): number {
  console.error(`shardctl: ${sentence}`);
  return exitCode;
}

#!/usr/bin/env node

/** `shardctl`: reads arguments and calls one command. Exit codes: 0 done, 1 failed, 2 usage, 3 no service. */

import { CommanderError } from 'commander';
import { ServiceUnreachable } from '../admin/admin-client.ts';
import { ShardliteError } from '../client/shardlite-error.ts';
import { ConfigError } from '../config/read-config.ts';
import { versionOfPackage } from '../config/version.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { failureText } from './next-step.ts';
import { newProgram } from './program.ts';

try {
  await newProgram(versionOfPackage()).parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Prints one sentence for an error whose cause is known, and returns the exit code. A defect shows its stack. */
function report(error: unknown): number {
  // Commander has already printed its message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (error instanceof ConfigError) return said(error.message, exitCodes.usage);
  if (error instanceof ServiceUnreachable) return said(error.message, exitCodes.unreachable);
  if (error instanceof CliFailure) return said(error.message, error.exitCode);
  if (error instanceof ShardliteError) {
    const { code, message } = error;
    return said(
      failureText({ code, detail: endedSentence(message) }),
      code === 'no-answer' ? exitCodes.unreachable : exitCodes.failed,
    );
  }
  throw error;
}

function said(sentence: string, exitCode: number): number {
  console.error(`shardctl: ${sentence}`);
  return exitCode;
}

function endedSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

#!/usr/bin/env node

/** `shardctl`, as a process. A defect shows its stack. */

import { runCommand } from './run.ts';

// What cannot be said there is lost, and ends no command in its midst.
process.stderr.on('error', () => {});

// Only where there is one: a service that runs in this process says itself how it ends.
const exitCode = await runCommand(process.argv.slice(2));
if (exitCode !== 0) process.exitCode = exitCode;

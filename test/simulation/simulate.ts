/**
 * `npm run simulate -- --seeds N [--first S]`: as many seeds as one likes; `--seed S`: one seed with its trace;
 * `--control ordered` or `hostile`: one kind of world only; `--all`: go on after a failure, and count.
 * The first seed that fails is printed step by step, and the exit code is 1.
 */

import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ControlKind } from './circumstances.ts';
import { Coverage } from './coverage.ts';
import { report, run } from './run.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20000' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    control: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
});

const progressIntervalMs = 500;
const control = controlOf(values.control);

if (values.seed === undefined) await simulate(wholeNumber('seeds', values.seeds), wholeNumber('first', values.first));
else {
  const seed = wholeNumber('seed', values.seed);
  process.exitCode = run(seed, { coverage: new Coverage(), isTraced: false, control }) === undefined ? 0 : 1;
  console.log(report(seed, control));
}

async function simulate(seeds: number, first: number): Promise<void> {
  const coverage = new Coverage();
  const beganAtMs = performance.now();
  const failures = new Map<string, number[]>();
  let shownAtMs = beganAtMs;
  for (let done = 0; done < seeds; done++) {
    const failure = run(first + done, { coverage, isTraced: false, control });
    // Promises of the product hold a world until they are settled.
    await setImmediate();
    if (failure !== undefined) {
      failures.set(failure.invariant, [...(failures.get(failure.invariant) ?? []), failure.seed]);
      if (!values.all) break;
    }
    const nowMs = performance.now();
    if (!process.stderr.isTTY || nowMs - shownAtMs < progressIntervalMs) continue;
    shownAtMs = nowMs;
    const leftS = (((nowMs - beganAtMs) / (done + 1)) * (seeds - done - 1)) / 1_000;
    process.stderr.write(`\r${done + 1} of ${seeds} seeds, ${leftS.toFixed(0)} s left \x1b[K`);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');

  const seconds = (performance.now() - beganAtMs) / 1_000;
  for (const [invariant, failed] of failures) {
    console.log(`${invariant}: ${failed.length} seeds, the first ones ${failed.slice(0, 5).join(', ')}`);
  }
  const [earliest] = [...failures.values()].flat().sort((a, b) => a - b);
  if (earliest !== undefined && !values.all) console.log(report(earliest, control));
  console.log(`${seeds} seeds in ${seconds.toFixed(1)} s, ${coverage.steps} steps\n${coverage.describe()}`);
  process.exitCode = failures.size === 0 ? 0 : 1;
}

function controlOf(text: string | undefined): ControlKind | undefined {
  if (text === undefined || text === 'ordered' || text === 'hostile') return text;
  throw new RangeError(`--control is ordered or hostile, not ${text}`);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} is a whole number, not ${text}`);
  return value;
}

/** `shardctl profile PROCESS`: where the time of a living process goes, or what lies on its heap, as a file. */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ProfileRequest, profileSecondsMax } from '../admin/contract.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';
import { ProgressBar } from './progress-bar.ts';
import { bytesText } from './quantity.ts';
import { answerOf } from './service-answer.ts';

type ProfileOptions = {
  readonly data: string;
  readonly seconds?: string;
  readonly heap?: boolean;
  readonly out?: string;
};

const usualSeconds = 10;
const drawIntervalMs = 100;

export async function profileCommand(process: string, options: ProfileOptions): Promise<void> {
  const request = requestOf(process, options, new Date());
  const { seconds, file, kind } = request;
  const bar = kind === 'heap' ? undefined : new ProgressBar({ title: `Profiling ${process}`, total: seconds });
  if (bar === undefined) console.error(`${process} writes its heap and does nothing else meanwhile.`);
  const beganAtMs = performance.now();
  const drawing = setInterval(
    () => bar?.advanceTo(Math.min(seconds, Math.floor((performance.now() - beganAtMs) / 1_000))),
    drawIntervalMs,
  );
  try {
    await answerOf(options.data, 'POST', '/v1/profiles', request);
  } finally {
    clearInterval(drawing);
    bar?.end();
  }
  const what = kind === 'heap' ? `the heap of ${process}` : `${seconds} s of ${process}`;
  const tab = kind === 'heap' ? 'Memory' : 'Performance';
  printLine(
    `${file} has ${what}, ${bytesText(statSync(file).size)}: load it in the tab ${tab} of Chrome's developer tools.`,
  );
}

function requestOf(process: string, { seconds, heap, out }: ProfileOptions, now: Date): ProfileRequest {
  if (heap && seconds !== undefined) {
    throw new CliFailure(exitCodes.usage, 'Use --seconds for a CPU profile or --heap for a heap snapshot, not both.');
  }
  if (
    seconds !== undefined &&
    !(/^\d{1,3}$/.test(seconds) && Number(seconds) >= 1 && Number(seconds) <= profileSecondsMax)
  ) {
    const allowed = `a whole number from 1 to ${profileSecondsMax}`;
    throw new CliFailure(exitCodes.usage, `--seconds is ${JSON.stringify(seconds)}, but must be ${allowed}.`);
  }
  const kind = heap ? 'heap' : 'cpu';
  const usual = `${process}-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}.${kind}${heap ? 'snapshot' : 'profile'}`;
  return { process, kind, seconds: Number(seconds ?? usualSeconds), file: resolve(out ?? usual) };
}

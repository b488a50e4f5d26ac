/** `shardctl import [FILE]`: writes entries from lines of JSON into the service, and says at the end what became of them. */

import { statusOfService } from '../admin/admin-client.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { ImportMark } from './import-mark.ts';
import { Importer, nothingYet, type Refusal, type Tally } from './importer.ts';
import { inputSourceOf } from './input-source.ts';
import { linesOf } from './line-reader.ts';
import { printLine } from './output.ts';
import { patientTimeout } from './patience.ts';
import { ProgressBar } from './progress-bar.ts';
import { bytesText, countOf, countText, durationText } from './quantity.ts';
import { problemText, restApiOf } from './rest-client.ts';
import { type RestOptions, restTargetOf } from './rest-target.ts';

type ImportOptions = RestOptions & { readonly resume?: boolean; readonly json?: boolean };

const reportIntervalMs = 1_000;
const beginning = { mark: { number: 0, endOffset: 0 }, tally: nothingYet };

export async function importCommand(name: string | undefined, options: ImportOptions): Promise<void> {
  const { resume, json } = options;
  const source = inputSourceOf(name);
  if (resume && source.file === undefined) {
    throw new CliFailure(
      exitCodes.usage,
      'Only the import of a file can be resumed, because a pipe cannot be read again.',
    );
  }
  const { at } = restTargetOf(options, process.env);
  if (resume && 'url' in at) {
    const why = 'With --url, it is unknown which service has that address';
    throw new CliFailure(exitCodes.usage, `${why}: resume on its machine with --data, or import everything again.`);
  }
  const service = 'url' in at ? undefined : await statusOfService(at.data);
  const api = await restApiOf({ timeout: patientTimeout, ...options });
  const view = new ImportView(source.file?.bytes, json === true);
  const onUnwritable = (why: string) => view.note(`This import cannot be resumed: ${why}`);
  const kept = source.file && service && new ImportMark({ file: source.file, service, onUnwritable });
  const { mark, tally } = (resume ? kept?.read() : undefined) ?? beginning;
  if (mark.number > 0) view.note(`Continuing after line ${countText(mark.number)}.`);

  const startedAtMs = performance.now();
  let linesRead = tally.created + tally.replaced + tally.expired + tally.refused;
  const importer = new Importer(api, tally, {
    onRefused: (refusal) => view.refused(refusal),
    onAcknowledged: (reached, sum) => {
      kept?.save({ mark: reached, tally: sum });
      view.reached(reached.endOffset, sum);
    },
  });
  let end: Tally;
  try {
    for await (const line of linesOf(source.read(mark.endOffset), mark)) {
      linesRead++;
      await importer.add(line);
    }
    end = await importer.end();
  } finally {
    view.end();
  }
  kept?.remove();
  report({ end, linesRead, tookMs: performance.now() - startedAtMs, isJson: json === true });
}

/** Shows a bar to people and JSON lines to programs. */
class ImportView {
  readonly #bar: ProgressBar | undefined;
  #reportedAtMs = performance.now();

  constructor(fileBytes: number | undefined, isJson: boolean) {
    if (!isJson) this.#bar = new ProgressBar({ title: 'Importing', total: fileBytes, amountText: bytesText });
  }

  note(sentence: string): void {
    if (this.#bar === undefined) printLine(JSON.stringify({ event: 'note', detail: sentence }));
    else this.#bar.note(sentence);
  }

  refused(refusal: Refusal): void {
    const { line, code, detail } = refusal;
    if (this.#bar === undefined) printLine(JSON.stringify({ event: 'refused', line, code, detail }));
    else this.#bar.note(`line ${line}: ${problemText(refusal)}`);
  }

  reached(bytesRead: number, tally: Tally): void {
    if (this.#bar !== undefined) return this.#bar.advanceTo(bytesRead);
    const nowMs = performance.now();
    if (nowMs - this.#reportedAtMs < reportIntervalMs) return;
    this.#reportedAtMs = nowMs;
    printLine(JSON.stringify({ event: 'progress', bytesRead, ...tally }));
  }

  end(): void {
    this.#bar?.end();
  }
}

type Ending = { readonly end: Tally; readonly linesRead: number; readonly tookMs: number; readonly isJson: boolean };

function report({ end, linesRead, tookMs, isJson }: Ending): void {
  const { created, replaced, expired, refused, valueBytes } = end;
  const counted = created + replaced + expired + refused;
  if (counted !== linesRead) throw new RangeError(`only ${counted} of ${linesRead} lines were counted`);
  if (isJson) printLine(JSON.stringify({ event: 'done', lines: linesRead, ...end, tookMs: Math.round(tookMs) }));
  else {
    const parts = [`${countText(created)} created`, `${countText(replaced)} replaced`];
    if (expired > 0) parts.push(`${countText(expired)} already expired`);
    if (refused > 0) parts.push(`${countText(refused)} refused`);
    printLine(
      `${countOf(linesRead, 'entry', 'entries')} read: ${parts.join(', ')}. ${bytesText(valueBytes)} of values in ${durationText(tookMs)}.`,
    );
  }
  if (refused > 0)
    throw new CliFailure(
      exitCodes.failed,
      `${countOf(refused, 'entry was', 'entries were')} refused. Correct the lines named above and import them.`,
    );
}

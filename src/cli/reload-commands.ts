/** `shardctl reload` and `restart` replace processes; `shardctl config` shows the settings that are in force. */

import type { ReloadReport, SettingView } from '../admin/contract.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';
import { answerOf } from './service-answer.ts';
import { tableOf } from './table.ts';

type Options = { readonly data: string; readonly json?: boolean };

export async function reloadCommand(what: string | undefined, { data, json }: Options): Promise<void> {
  const report = (await answerOf(data, 'POST', `/v1/reload/${encodeURIComponent(what ?? 'all')}`)) as ReloadReport;
  if (json) printLine(JSON.stringify(report));
  else for (const line of linesOf(report)) printLine(line);
  if (report.stoppedAt === null) return;
  const { process, why } = report.stoppedAt;
  throw new CliFailure(
    exitCodes.failed,
    `The reload stopped at ${process}: ${why}. Processes that were not replaced continue. The log has the details; \`shardctl reload\` tries again.`,
  );
}

function linesOf({ reloaded, adopted, needRestart }: ReloadReport): string[] {
  return [
    ...(adopted.length === 0 ? [] : [`New settings: ${adopted.join(', ')}.`]),
    ...(needRestart.length === 0 ? [] : [`These settings need a restart of the service: ${needRestart.join(', ')}.`]),
    reloaded.length === 0 ? 'Nothing was reloaded.' : `Reloaded ${reloaded.join(', ')}.`,
  ];
}

export async function configCommand({ data, json }: Options): Promise<void> {
  const settings = (await answerOf(data, 'GET', '/v1/settings')) as SettingView[];
  if (json) return printLine(JSON.stringify(settings));
  printLine(
    tableOf(
      [
        { title: 'setting', align: 'left', cell: ({ name }) => name },
        { title: 'value', align: 'left', cell: ({ value }) => value ?? '–' },
        { title: 'from', align: 'left', cell: ({ source }) => source },
        { title: 'changes by', align: 'left', cell: ({ reloads }) => (reloads ? 'reload' : 'restart of the service') },
      ],
      settings,
    ),
  );
}

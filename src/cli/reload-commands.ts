/** `shardctl reload` and `restart` replace processes; `shardctl config` shows the settings that are in force. */

import { askService } from '../admin/admin-client.ts';
import type { ReloadReport, SettingView } from '../admin/contract.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';
import { tableOf } from './table.ts';

type Options = { readonly data: string; readonly json?: boolean };

export async function reloadCommand(what: string | undefined, { data, json }: Options): Promise<void> {
  const { status, body } = await askService(data, 'POST', `/v1/reload/${encodeURIComponent(what ?? 'all')}`);
  if (status >= 300) throw new CliFailure(exitCodes.failed, (body as { detail: string }).detail);
  const report = body as ReloadReport;
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
  const settings = (await askService(data, 'GET', '/v1/settings')).body as SettingView[];
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

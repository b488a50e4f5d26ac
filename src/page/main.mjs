/** The page for operators: asks once a second how the service does, and shows it. */

import { mayAct, Refusal, read, takeToken } from './admin-api.mjs';
import { showChange } from './change-view.mjs';
import { showFigures, showGap, startCurves } from './curves.mjs';
import { byId, element } from './elements.mjs';
import { showHistory } from './history-view.mjs';
import { openPlanDialog } from './plan-dialog.mjs';
import { showProcesses } from './process-view.mjs';
import { bytesText, durationText } from './quantity.js';
import { showRing } from './ring-view.mjs';

const intervalMs = 1_000;

let latest;
let awaySinceMs;
/** The history is asked for again when a change begins or ends. */
let historyOf = '';

async function refresh() {
  try {
    latest = await read('/v1/status');
    awaySinceMs = undefined;
    show(latest);
    const changes = JSON.stringify(
      latest.moves.open.map(({ id, state }) => [id, state, latest.moves.running?.slotsMoved]),
    );
    if (changes !== historyOf) showHistory(await read('/v1/changes'));
    historyOf = changes;
  } catch (error) {
    if (error instanceof Refusal) return headline('away', error.message);
    awaySinceMs ??= Date.now();
    headline('away', `no answer for ${durationText(Date.now() - awaySinceMs)}: trying again`);
    showGap();
  }
}

function show(status) {
  const { version, state, url, strategy, uptimeMs, diskFreeBytes, data } = status;
  headline(state, `${state}, up ${durationText(uptimeMs)}, ${strategy}, version ${version}`);
  byId('place').textContent = `${url}   ${data}   ${diskFreeBytes === null ? '–' : bytesText(diskFreeBytes)} free`;
  showTroubles(status);
  showRing(status);
  showFigures(status);
  showProcesses(status);
  showChange(status.moves);
  byId('plan-open').disabled = !mayAct();
  byId('cannot-act').hidden = mayAct();
}

function headline(state, text) {
  const line = byId('headline');
  line.dataset.state = state;
  // Said aloud only when it is new: the time goes on each second.
  if (line.textContent !== text) line.textContent = text;
}

function showTroubles({ state, processes, logLinesLost }) {
  const lines = [
    ...(state === 'degraded' ? processes.filter(isInTrouble).map(({ id, state }) => `${id} is ${state}.`) : []),
    ...(logLinesLost > 0 ? [`${logLinesLost} lines of the log found no place.`] : []),
  ];
  const section = byId('troubles');
  section.hidden = lines.length === 0;
  section.replaceChildren(...lines.map((line) => element('p', {}, [line])));
}

function isInTrouble({ role, state, slots }) {
  return role !== 'primary' && state !== 'ready' && (role !== 'shard' || slots > 0);
}

async function run() {
  await refresh();
  setTimeout(run, intervalMs);
}

takeToken();
addEventListener('hashchange', takeToken);
startCurves();
byId('plan-open').addEventListener('click', () => latest && openPlanDialog(latest, refresh));
void run();

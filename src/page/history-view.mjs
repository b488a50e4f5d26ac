/** The table of topology changes, the latest first: what each moved, and what clients felt. */

import { byId, element, tableContent } from './elements.mjs';
import { bytesText, countText, durationText } from './quantity.js';

/** @type {readonly import('./elements.mjs').Column[]} */
const columns = [
  { title: 'id', cell: ({ id }) => String(id) },
  { title: 'change', isText: true, cell: ({ kind }) => kind },
  { title: 'state', isText: true, cell: stateOf, className: ({ state }) => `state-${state}` },
  { title: 'asked', isText: true, cell: ({ askedAtMs }) => new Date(askedAtMs).toLocaleString() },
  { title: 'took', cell: tookText },
  { title: 'slots', cell: ({ done }) => countText(done.slots) },
  { title: 'rows', cell: ({ done }) => countText(done.rows) },
  { title: 'bytes', cell: ({ done }) => bytesText(done.bytes) },
  { title: 'errors', cell: ({ done }) => countText(done.failures) },
  { title: 'longest freeze', cell: ({ done }) => `${done.freezeMaxMs.toFixed(1)} ms` },
  { title: 'why', isText: true, cell: ({ reason }) => reason, className: () => 'why' },
];

/** @param {readonly any[]} changes */
export function showHistory(changes) {
  const table = byId('history');
  if (changes.length > 0) return table.replaceChildren(...tableContent(columns, changes));
  table.replaceChildren(element('caption', { class: 'text faint' }, ['The topology has never been changed.']));
}

function stateOf({ state, isPaused, endedAtMs }) {
  return isPaused && endedAtMs === null ? 'paused' : state;
}

function tookText({ beganAtMs, endedAtMs }) {
  return beganAtMs === null ? '–' : durationText((endedAtMs ?? Date.now()) - beganAtMs);
}

/** The table of processes: how each stands, what it takes, and what it does. */

import { byId, element, tableContent } from './elements.mjs';
import { bytesText, countText, durationText, latencyText } from './quantity.js';
import { colorOf } from './shard-colors.mjs';

const known = (value, format) => (value === null || value === undefined ? '–' : format(value));
const rate = (figures) => known(figures?.perS, (perS) => countText(Math.round(perS)));
const p99 = (figures) => known(figures?.p99Ms, latencyText);

/** @type {readonly import('./elements.mjs').Column[]} */
const columns = [
  { title: 'process', cell: ({ id, role }) => named(id, role) },
  { title: 'state', isText: true, cell: ({ state }) => state, className: ({ state }) => `state-${state}` },
  { title: 'pid', cell: ({ pid }) => known(pid, String) },
  { title: 'up', cell: ({ uptimeMs }) => known(uptimeMs, durationText) },
  { title: 'CPU', cell: ({ cpuPercent }) => known(cpuPercent, (percent) => `${percent.toFixed(0)} %`) },
  { title: 'loop delay', cell: ({ eventLoopDelayMs }) => known(eventLoopDelayMs, latencyText) },
  { title: 'memory', cell: ({ memoryBytes }) => known(memoryBytes, bytesText) },
  { title: 'clients', cell: ({ connections }) => known(connections, countText) },
  { title: 'keys', cell: ({ keys }) => known(keys, countText) },
  { title: 'file', cell: ({ fileBytes }) => known(fileBytes, bytesText) },
  { title: 'reads/s', cell: ({ reads }) => rate(reads) },
  { title: 'p99', cell: ({ reads }) => p99(reads) },
  { title: 'writes/s', cell: ({ writes }) => rate(writes) },
  { title: 'p99', cell: ({ writes }) => p99(writes) },
  { title: 'restarts', cell: ({ restarts }) => String(restarts) },
  { title: 'last death', isText: true, cell: ({ lastDeath }) => known(lastDeath, deathText) },
];

/** @param {any} status */
export function showProcesses({ processes }) {
  byId('processes').replaceChildren(...tableContent(columns, processes));
}

function named(id, role) {
  if (role !== 'shard') return id;
  const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
  swatch.style.background = colorOf(Number(id.replace('shard-', '')));
  return element('span', {}, [swatch, ` ${id}`]);
}

function deathText({ reason, atMs }) {
  return `${reason}, ${durationText(Math.max(0, Date.now() - atMs))} ago`;
}

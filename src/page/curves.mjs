/** What clients have got since this page was opened: figures, and curves of up to ten minutes. */

import { byId, element } from './elements.mjs';
import { countText, latencyText } from './quantity.js';
import uPlot from './uplot.js';

const secondsMax = 600;

/** One column a second: when, reads/s, writes/s, p99 of reads and of writes in ms, errors/s. */
const past = [[], [], [], [], [], []];
let plots = [];
/** Colours of the axes belong to a scheme. */
const dark = matchMedia('(prefers-color-scheme: dark)');

const answering = ({ processes }) => processes.filter(({ role }) => role === 'router' || role === 'clone');
const sum = (some, figure) => some.reduce((total, one) => total + (figure(one) ?? 0), 0);
/** Of the slowest process that answers clients; percentiles of several cannot be added up. */
const worst = (some, figure) => {
  const seen = some.flatMap((one) => figure(one) ?? []);
  return seen.length === 0 ? null : Math.max(...seen);
};

export function startCurves() {
  makePlots();
  dark.addEventListener('change', makePlots);
  new ResizeObserver(() => {
    for (const { plot, height } of plots) plot.setSize({ width: widthNow(), height });
  }).observe(byId('curves'));
}

/** @param {any} status */
export function showFigures(status) {
  const some = answering(status);
  const reads = sum(some, (one) => one.reads?.perS);
  const writes = sum(some, (one) => one.writes?.perS);
  const errors = sum(some, (one) => one.failuresPerS);
  const readsP99 = worst(some, (one) => one.reads?.p99Ms);
  const writesP99 = worst(some, (one) => one.writes?.p99Ms);
  push([Date.now() / 1_000, reads, writes, readsP99, writesP99, errors]);
  byId('figures').replaceChildren(
    figure('reads', `${countText(Math.round(reads))}/s`, p99Text(readsP99)),
    figure('writes', `${countText(Math.round(writes))}/s`, p99Text(writesP99)),
    figure('errors', `${errors > 0 && errors < 10 ? errors.toFixed(1) : countText(Math.round(errors))}/s`),
    figure('clients', countText(sum(some, (one) => one.connections))),
    ...(status.stored === null ? [] : [figure('keys', countText(status.stored.keys))]),
  );
}

/** A second in which nobody answered is a gap. */
export function showGap() {
  push([Date.now() / 1_000, null, null, null, null, null]);
}

function push(column) {
  for (const [index, value] of column.entries()) {
    past[index].push(value);
    if (past[index].length > secondsMax) past[index].shift();
  }
  for (const { plot, rows } of plots) plot.setData(rows.map((row) => past[row]));
}

function p99Text(p99Ms) {
  return p99Ms === null ? 'p99 –' : `p99 ${latencyText(p99Ms)}`;
}

function figure(name, amount, note = '') {
  return element('div', {}, [
    element('dt', {}, [name]),
    element('dd', {}, [amount, ' ', element('small', {}, [note])]),
  ]);
}

function widthNow() {
  return Math.max(200, byId('curves').clientWidth);
}

function makePlots() {
  for (const { plot } of plots) plot.destroy();
  byId('curves').replaceChildren();
  const colors = dark.matches ? ['#6ea8ff', '#f0a35e', '#ff8a80'] : ['#1d5fd0', '#b8651b', '#b3261e'];
  const count = (value) => (value === null ? '–' : countText(Math.round(value)));
  const latency = (value) => (value === null ? '–' : latencyText(value));
  plots = [
    plotOf('Operations and errors a second', 150, [0, 1, 2, 5], ['reads', 'writes', 'errors'], colors, count),
    plotOf('p99 over ten seconds', 130, [0, 3, 4], ['reads', 'writes'], colors, latency),
  ];
}

function plotOf(title, height, rows, names, colors, text) {
  const parent = element('div', { class: 'curve' }, [element('h3', {}, [title])]);
  byId('curves').append(parent);
  const ink = dark.matches ? '#98a4b3' : '#5a6675';
  const lines = dark.matches ? '#2a323d' : '#e6eaef';
  const axis = {
    stroke: ink,
    grid: { stroke: lines, width: 1 },
    ticks: { stroke: lines, width: 1 },
    font: '11px system-ui',
  };
  const plot = new uPlot(
    {
      width: widthNow(),
      height,
      series: [
        {},
        ...names.map((label, index) => ({
          label,
          stroke: colors[index],
          width: 1.5,
          points: { show: false },
          value: (_plot, value) => text(value),
        })),
      ],
      axes: [axis, { ...axis, size: 64, values: (_plot, ticks) => ticks.map(text) }],
      scales: { y: { range: (_plot, _least, most) => [0, Math.max(most ?? 0, 1) * 1.1] } },
      cursor: { y: false },
    },
    rows.map((row) => past[row]),
    parent,
  );
  return { plot, rows, height };
}

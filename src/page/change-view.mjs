/** The topology change that is under way: how far it is, what clients feel, and what an operator may do about it. */

import { act, mayAct } from './admin-api.mjs';
import { byId, element } from './elements.mjs';
import { bytesText, countText, durationText, latencyText } from './quantity.js';

/** The parts that change each second; buttons and fields stay, so that focus and what is typed do. */
let shownId;
let facts;
let bar;
let pauseButton;
let refusal;

/** @param {any} moves */
export function showChange({ running, open }) {
  const [change] = open;
  byId('change').hidden = change === undefined;
  if (change === undefined) {
    shownId = undefined;
    return;
  }
  if (change.id !== shownId) build(change);
  const total = running?.slotsTotal ?? 1;
  bar.max = Math.max(1, total);
  bar.value = running?.slotsMoved ?? 0;
  pauseButton.textContent = change.isPaused ? 'Resume' : 'Pause';
  for (const button of byId('change').querySelectorAll('button, select, input')) button.disabled = !mayAct();
  facts.replaceChildren(...factsOf(change, running, open.length - 1));
}

function build({ id, kind }) {
  shownId = id;
  facts = element('dl');
  bar = element('progress', { 'aria-label': 'Slots that have moved' });
  refusal = element('p', { class: 'refusal', role: 'alert' });
  pauseButton = element('button', { type: 'button', click: togglePause }, ['Pause']);
  const abort = element('button', { type: 'button', class: 'danger', click: () => steer({ kind: 'abort' }) }, [
    'Abort',
  ]);
  byId('change-title').textContent = `Change ${id}: ${kind}`;
  byId('change-body').replaceChildren(
    bar,
    facts,
    element('div', { class: 'row' }, [pauseButton, abort, throttleForm()]),
    refusal,
  );
}

function togglePause() {
  return steer({ kind: pauseButton.textContent === 'Resume' ? 'resume' : 'pause' });
}

function throttleForm() {
  const amount = element('input', { type: 'number', min: 1, step: 'any', 'aria-label': 'Bound', hidden: true });
  const setting = element(
    'select',
    { 'aria-label': 'Speed', change: () => (amount.hidden = setting.value === 'automatic') },
    [
      element('option', { value: 'automatic' }, ['as fast as clients do not notice']),
      element('option', { value: 'rows-per-s' }, ['at most this many rows per second']),
      element('option', { value: 'p99-ms' }, ["while clients' p99 is below, in ms"]),
    ],
  );
  const set = () => {
    const bound = Number(amount.value);
    if (setting.value !== 'automatic' && !(bound > 0)) return say('The bound must be a number above 0.');
    const settings = {
      automatic: { kind: 'automatic' },
      'rows-per-s': { kind: 'rows-per-s', rowsPerS: Math.ceil(bound) },
      'p99-ms': { kind: 'p99-ms', p99Ms: bound },
    };
    return steer({ kind: 'throttle', setting: settings[setting.value] });
  };
  return element('span', { class: 'row' }, [
    setting,
    amount,
    element('button', { type: 'button', click: set }, ['Throttle']),
  ]);
}

async function steer(order) {
  try {
    await act('/v1/moves', order);
    say('');
  } catch (error) {
    say(error.message);
  }
}

function say(text) {
  refusal.textContent = text;
}

function factsOf(change, running, waiting) {
  const behind = waiting > 0 ? [fact('waiting behind it', countText(waiting))] : [];
  if (running === undefined) return [fact('phase', change.isPaused ? 'paused' : change.state), ...behind];
  const { phase, waitsFor, slotsMoved, slotsTotal, rowsPerS, leftMs, elapsedMs } = running;
  const known = (value, format) => (value === null || value === undefined ? '–' : format(value));
  return [
    fact('phase', waitsFor === null ? phase : `waiting for shard-${waitsFor.shard}`),
    fact('slots', `${countText(slotsMoved)} of ${countText(slotsTotal)}`),
    fact('copied', `${countText(running.rowsCopied)} rows`, bytesText(running.bytesCopied)),
    fact(
      'speed',
      known(rowsPerS, (rate) => `${countText(Math.round(rate))} rows/s`),
    ),
    fact('time', durationText(elapsedMs), leftMs === null ? '' : `about ${durationText(leftMs)} left`),
    fact("clients' p99", known(running.p99Ms, latencyText), `before: ${known(running.p99BeforeMs, latencyText)}`),
    fact('errors in 10 s', countText(running.failuresLately), `before: ${countText(running.failuresBefore)}`),
    fact('longest freeze', known(running.freezeMaxMs, latencyText)),
    ...behind,
  ];
}

function fact(name, amount, note = '') {
  return element('div', {}, [
    element('dt', {}, [name]),
    element('dd', {}, [amount, ' ', element('small', {}, [note])]),
  ]);
}

/** Asks what shall change, shows the plan, and begins it only when an operator goes ahead. */

import { act } from './admin-api.mjs';
import { byId, element, tableContent } from './elements.mjs';
import { bytesText, countText, durationText } from './quantity.js';

const dialog = /** @type {HTMLDialogElement} */ (byId('plan-dialog'));

/** @param {any} status @param {() => void} onBegun */
export function openPlanDialog(status, onBegun) {
  const shards = status.processes
    .filter(({ role }) => role === 'shard')
    .map(({ id }) => Number(id.replace('shard-', '')));
  const fields = element('div', { class: 'row' });
  const result = element('div');
  const refusal = element('p', { class: 'refusal', role: 'alert' });
  const go = element('button', { type: 'button', class: 'primary', disabled: true }, ['Go ahead']);
  const kind = element('select', { 'aria-label': 'Change', change: () => choose() }, [
    element('option', { value: 'add-shard' }, ['Add shards']),
    element('option', { value: 'remove-shard' }, ['Remove a shard']),
    element('option', { value: 'rebalance' }, ['Give other shares']),
  ]);
  let requestNow = () => ({});
  let planned;

  const forget = () => {
    planned = undefined;
    go.disabled = true;
    result.replaceChildren();
    refusal.textContent = '';
  };
  const choose = () => {
    forget();
    const made = fieldsOf(kind.value, shards, forget);
    requestNow = made.request;
    fields.replaceChildren(...made.elements);
  };
  const plan = () =>
    attempt(refusal, async () => {
      forget();
      const request = requestNow();
      const answer = await act('/v1/plan', request);
      planned = { ...request, lastChange: answer.lastChange };
      result.replaceChildren(...planContent(answer));
      go.disabled = answer.slotsMoved === 0;
      if (answer.slotsMoved === 0) refusal.textContent = 'Nothing has to move: every shard already has its share.';
      else go.focus();
    });
  go.addEventListener('click', () =>
    attempt(refusal, async () => {
      go.disabled = true;
      await act('/v1/changes', planned);
      dialog.close();
      onBegun();
    }),
  );
  choose();
  dialog.replaceChildren(
    element('h2', { id: 'plan-title' }, ['Change the topology']),
    element('div', { class: 'row' }, [
      kind,
      fields,
      element('button', { type: 'button', click: plan }, ['Show the plan']),
    ]),
    result,
    refusal,
    element('div', { class: 'row buttons' }, [
      element('button', { type: 'button', click: () => dialog.close() }, ['Cancel']),
      go,
    ]),
  );
  dialog.showModal();
}

/** What is asked for each kind of change, and the request that it makes. */
function fieldsOf(kind, shards, onChange) {
  const number = (label, value, max) =>
    element('input', { type: 'number', min: 1, max, value, 'aria-label': label, input: onChange });
  const labelled = (text, field) => element('label', {}, [text, field]);
  switch (kind) {
    case 'add-shard': {
      const count = number('How many', 1, 255);
      const weight = number('Weight', 1, 1_000);
      return {
        elements: [labelled('How many', count), labelled('Weight', weight)],
        request: () => ({ kind, count: Number(count.value), weight: Number(weight.value) }),
      };
    }
    case 'remove-shard': {
      const options = shards.map((shard) => element('option', { value: shard }, [`shard-${shard}`]));
      const which = element('select', { 'aria-label': 'Which', change: onChange }, options);
      return { elements: [labelled('Which', which)], request: () => ({ kind, shard: Number(which.value) }) };
    }
    default: {
      const options = shards.map((shard) => element('option', { value: shard }, [`shard-${shard}`]));
      const which = element('select', { 'aria-label': 'Which', change: onChange }, options);
      const weight = number('Weight', 1, 1_000);
      return {
        elements: [labelled('Which', which), labelled('Weight', weight)],
        request: () => ({ kind: 'rebalance', weights: [[Number(which.value), Number(weight.value)]] }),
      };
    }
  }
}

/** @type {readonly import('./elements.mjs').Column[]} */
const columns = [
  { title: 'shard', cell: ({ id }) => `shard-${id}` },
  { title: 'slots', cell: ({ slotsBefore, slotsAfter }) => `${countText(slotsBefore)} → ${countText(slotsAfter)}` },
  { title: 'keys', cell: ({ keysBefore, keysAfter }) => `${countText(keysBefore)} → ${countText(keysAfter)}` },
  { title: 'bytes', cell: ({ bytesBefore, bytesAfter }) => `${bytesText(bytesBefore)} → ${bytesText(bytesAfter)}` },
];

function planContent({ shards, slotsMoved, keysMoved, bytesMoved, diskBytesNeeded, estimatedMs }) {
  const moves = `${countText(slotsMoved)} slots move, with about ${countText(keysMoved)} keys and ${bytesText(bytesMoved)}.`;
  const takes = `That takes about ${durationText(estimatedMs)} beside clients, and ${bytesText(diskBytesNeeded)} more of the disk meanwhile.`;
  return [
    element('div', { class: 'scroll' }, [element('table', {}, tableContent(columns, shards))]),
    element('p', {}, [moves, ' ', takes]),
  ];
}

async function attempt(refusal, work) {
  try {
    await work();
  } catch (error) {
    refusal.textContent = error.message;
  }
}

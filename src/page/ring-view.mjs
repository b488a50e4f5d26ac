/** Draws the ring: which shard owns which slots, clockwise from slot 0 at the top. */

import { byId, drawn, element } from './elements.mjs';
import { countText } from './quantity.js';
import { colorOf } from './shard-colors.mjs';

const outer = 48;
const inner = 32;

/** What stands there already; a ring is drawn again only when it has changed. */
let drawnAs = '';

/** @param {any} status */
export function showRing(status) {
  const { ring, strategy, store, processes } = status;
  const shards = processes.filter(({ role }) => role === 'shard');
  const facts = JSON.stringify([ring, shards.map(({ id, keys, state, slots }) => [id, keys, state, slots])]);
  if (facts === drawnAs) return;
  drawnAs = facts;
  if (store !== null) return showStore(strategy, store);
  byId('ring').replaceChildren(ringOf(ring, shards), legendOf(shards, slotsIn(ring)));
}

function slotsIn({ ranges }) {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

function showStore(strategy, store) {
  byId('ring-title').textContent = 'Store';
  byId('plan-open').hidden = true;
  const text = `${strategy}: every process serves every key, out of `;
  byId('ring').replaceChildren(element('p', {}, [text, element('code', {}, [store])]));
}

function ringOf(ring, shards) {
  const slots = slotsIn(ring);
  const paths = shards.map(({ id }) => {
    const shard = numberOf(id);
    const arcs = ring.ranges.filter(([, , owner]) => owner === shard);
    const path = drawn('path', { d: arcs.map(([first, last]) => arc(first / slots, (last + 1) / slots)).join('') }, [
      drawn('title', {}, [`${id}: ${countText(owned(arcs))} slots in ${countText(arcs.length)} ranges`]),
    ]);
    path.style.fill = colorOf(shard);
    return path;
  });
  const label = `Ring of ${slots} slots, epoch ${ring.epoch}: ${shards.map(({ id, slots }) => `${id} has ${slots}`).join(', ')}`;
  return drawn('svg', { viewBox: '0 0 100 100', role: 'img', 'aria-label': label }, [
    ...paths,
    drawn('text', { x: 50, y: 50 }, [`${shards.length} ${shards.length === 1 ? 'shard' : 'shards'}`]),
    drawn('text', { x: 50, y: 60, class: 'faint' }, [`epoch ${countText(ring.epoch)}`]),
  ]);
}

function owned(arcs) {
  return arcs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** From one part of the circle to another, 0 to 1, as a piece of a ring. */
function arc(from, to) {
  // A whole circle has no beginning and end that differ: it is drawn as two halves.
  if (to - from > 0.999) return arc(from, from + 0.5) + arc(from + 0.5, to - 0.0001);
  const isLarge = to - from > 0.5 ? 1 : 0;
  return (
    `M${at(from, outer)}A${outer} ${outer} 0 ${isLarge} 1 ${at(to, outer)}` +
    `L${at(to, inner)}A${inner} ${inner} 0 ${isLarge} 0 ${at(from, inner)}Z`
  );
}

function at(part, radius) {
  const angle = part * 2 * Math.PI - Math.PI / 2;
  return `${(50 + radius * Math.cos(angle)).toFixed(3)} ${(50 + radius * Math.sin(angle)).toFixed(3)}`;
}

function legendOf(shards, slots) {
  const lines = shards.map(({ id, slots: own, keys }) => {
    const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.background = colorOf(numberOf(id));
    const share = `${(((own ?? 0) * 100) / slots).toFixed(1)} %`;
    const held = keys === null ? '' : `${countText(keys)} keys`;
    return element('li', {}, [
      swatch,
      element('span', {}, [`${id}  `, element('span', { class: 'faint' }, [held])]),
      element('span', { title: `${countText(own ?? 0)} slots` }, [share]),
    ]);
  });
  return element('ul', { 'aria-label': 'Shards' }, lines);
}

function numberOf(id) {
  return Number(id.replace('shard-', ''));
}

/** Each player is a counter. Whoever clicks adds to it; every window hears of it by the feed of changes. */

import { connect } from 'shardlite';
import { serviceUrl } from './service.mjs';

const prefix = 'leaderboard/';
const kv = connect(serviceUrl);
const board = document.querySelector('#board');
const state = document.querySelector('#state');
const points = new Map();

document.querySelector('#join').addEventListener('submit', (event) => {
  event.preventDefault();
  const { player } = event.target.elements;
  void add(player.value.trim(), 0);
  event.target.reset();
});

// Every player that is there, then every click. A browser comes back by itself, where it was.
const changes = new EventSource(`${serviceUrl}/v1/changes?prefix=${prefix}&from=start&values=true`);
changes.addEventListener('open', () => {
  state.textContent = 'Live: open this page in a second window, and click.';
});
changes.addEventListener('put', ({ data }) => {
  const { key, value, gone } = JSON.parse(data);
  // The click that has replaced it comes, too.
  if (gone) return;
  points.set(key, Number(value));
  show();
});
changes.addEventListener('error', () => {
  state.textContent = 'The service is away. This page comes back by itself.';
});

async function add(player, by) {
  if (player !== '') await kv.increment(prefix + player, by);
}

function show() {
  const ranked = [...points].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
  const most = Math.max(1, ranked[0]?.[1] ?? 0);
  const focused = document.activeElement;
  ranked.forEach(([key, number], rank) => {
    const row = rowOf(key);
    row.querySelector('.rank').textContent = rank + 1;
    row.querySelector('.points').textContent = number;
    row.style.setProperty('--share', number / most);
    if (board.children[rank] !== row) board.insertBefore(row, board.children[rank] ?? null);
  });
  // A row that has moved has lost it.
  focused?.focus();
}

const rows = new Map();

function rowOf(key) {
  const known = rows.get(key);
  if (known !== undefined) return known;
  const player = key.slice(prefix.length);
  const button = Object.assign(document.createElement('button'), {
    textContent: '+1',
    ariaLabel: `A point for ${player}`,
  });
  button.addEventListener('click', () => void add(player, 1));
  const row = document.createElement('li');
  row.append(textIn('rank'), textIn('player', player), textIn('points'), button);
  rows.set(key, row);
  return row;
}

function textIn(className, textContent = '') {
  return Object.assign(document.createElement('span'), { className, textContent });
}

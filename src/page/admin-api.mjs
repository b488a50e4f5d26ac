/** Asks the service that has sent this page. The token comes with the address, and stays in this tab. */

const tokenName = 'shardlite-token';

/** The service says no, or is not there. */
export class Refusal extends Error {}

/** Takes the token out of the address, so that nobody copies or bookmarks it by accident. */
export function takeToken() {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  sessionStorage.setItem(tokenName, token);
  history.replaceState(null, '', location.pathname);
}

export function mayAct() {
  return sessionStorage.getItem(tokenName) !== null;
}

/** @param {string} path @returns {Promise<any>} */
export function read(path) {
  return ask(path, {});
}

/** @param {string} path @param {unknown} order @returns {Promise<any>} @throws {Refusal} */
export function act(path, order) {
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${sessionStorage.getItem(tokenName) ?? ''}`,
  };
  return ask(path, { method: 'POST', headers, body: JSON.stringify(order) });
}

/** @param {string} path @param {RequestInit} init */
async function ask(path, init) {
  const answer = await fetch(path, { ...init, signal: AbortSignal.timeout(5_000) });
  const body = await answer.json();
  if (answer.ok) return body;
  // The service was started anew since, and has another token.
  if (answer.status === 401) sessionStorage.removeItem(tokenName);
  throw new Refusal(body.detail ?? `The service answered ${answer.status}.`);
}

/** The list of all operations beside the reference: a click opens one, and a search leaves those that fit. */

/**
 * @param {{ tags: { name: string }[], paths: object }} specification
 * @param {(tag: string, id: string) => void} open what opens an operation in the reference
 */
export function linksOf({ tags, paths }, open) {
  const groups = tags.map(({ name }) => {
    const links = operationsOf(paths, name).map((operation) => linkOf(operation, open));
    const group = document.createElement('section');
    group.append(elementOf('h2', name), ...links);
    return group;
  });
  const show = (text) => {
    for (const group of groups) showIn(group, text.trim().toLowerCase());
  };
  return { groups, show };
}

function operationsOf(paths, tag) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, { operationId, summary, description }]) => ({
        tag,
        path,
        method,
        operationId,
        summary,
        text: [path, method, summary, description].join(' ').toLowerCase(),
      })),
  );
}

function linkOf({ tag, path, method, operationId, summary, text }, open) {
  const link = elementOf('a', '');
  const target = `operations-${tag}-${operationId}`.replaceAll(' ', '_');
  link.href = `#/${encodeURIComponent(tag)}/${operationId}`;
  link.dataset.text = text;
  link.append(elementOf('span', method.toUpperCase(), method), elementOf('span', summary), elementOf('code', path));
  link.addEventListener('click', () => {
    open(tag, operationId);
    document.getElementById(target)?.scrollIntoView();
  });
  return link;
}

function showIn(group, wanted) {
  const links = [...group.querySelectorAll('a')];
  for (const link of links) link.hidden = !link.dataset.text.includes(wanted);
  group.hidden = links.every((link) => link.hidden);
}

function elementOf(name, textContent, className = '') {
  return Object.assign(document.createElement(name), { textContent, className });
}

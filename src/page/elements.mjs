/** Makes elements. Texts are texts: nothing that the service says is ever read as HTML. */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} name
 * @param {Readonly<Record<string, string | number | boolean | (() => void)>>} attributes a function listens to the event
 * @param {readonly (Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(attribute, value);
    else if (value === true) made.setAttribute(attribute, '');
    else if (value !== false) made.setAttribute(attribute, String(value));
  }
  made.append(...children);
  return made;
}

/**
 * @param {string} name
 * @param {Readonly<Record<string, string | number>>} attributes
 * @param {readonly (Node | string)[]} children
 */
export function drawn(name, attributes = {}, children = []) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  made.append(...children);
  return made;
}

/**
 * What the page has by this id; index.html says so.
 * @param {string} id
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * @typedef {{ title: string, isText?: boolean, cell: (row: any) => Node | string, className?: (row: any) => string }} Column
 * The first column names the row.
 * @param {readonly Column[]} columns
 * @param {readonly unknown[]} rows
 */
export function tableContent(columns, rows) {
  const sideOf = ({ isText }) => (isText ? 'text' : '');
  const head = columns.map((column, index) =>
    element('th', { scope: 'col', class: index === 0 ? 'text' : sideOf(column) }, [column.title]),
  );
  const lines = rows.map((row) =>
    element(
      'tr',
      {},
      columns.map((column, index) => {
        const content = [column.cell(row)];
        if (index === 0) return element('th', { scope: 'row' }, content);
        return element('td', { class: `${sideOf(column)} ${column.className?.(row) ?? ''}`.trim() }, content);
      }),
    ),
  );
  return [element('thead', {}, [element('tr', {}, head)]), element('tbody', {}, lines)];
}

/** The page at /docs: the OpenAPI document as HTML, complete in itself. Pure. */

import type { ApiDocument, DocumentedOperation } from './openapi.ts';

export const docsStyle = `
:root { color-scheme: light dark; --line: light-dark(#d8dee4, #30363d); --soft: light-dark(#f6f8fa, #161b22);
  --faint: light-dark(#57606a, #9198a1); --link: light-dark(#0550ae, #79c0ff); }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem 1.25rem 6rem; }
h1 { margin: 0; } h2 { margin: 2.5rem 0 .75rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
a { color: var(--link); } p { margin: .4rem 0; max-width: 46rem; }
code, pre { font: .875em/1.5 ui-monospace, monospace; } code { overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; overflow-x: auto;
  padding: .6rem .8rem; }
details.operation { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: 0 1rem; }
details.operation[open] { padding-bottom: 1rem; }
summary { cursor: pointer; padding: .55rem 0; }
details.operation > summary { align-items: baseline; display: grid; gap: .75rem; grid-template-columns: 4.5rem 15rem 1fr;
  list-style: none; }
.method { border-radius: 4px; color: #fff; font: 700 .75rem/1.7 ui-monospace, monospace; text-align: center; }
.get, .head { background: #0a5cb8; } .put { background: #8a5a00; } .post { background: #1a7a37; }
.delete { background: #b3261e; }
table { border-collapse: collapse; width: 100%; } th, td { border-top: 1px solid var(--line); padding: .35rem .75rem .35rem 0;
  text-align: left; vertical-align: top; } th { font-weight: 600; white-space: nowrap; } tr:first-child > * { border-top: 0; }
td p:first-child { margin-top: 0; } .faint { color: var(--faint); font-weight: 400; }
@media (max-width: 40rem) { details.operation > summary { grid-template-columns: 4.5rem 1fr; }
  details.operation > summary > :last-child { grid-column: 1 / -1; } }
`;

/** @param origin where the examples ask, e.g. `http://127.0.0.1:7700` */
export function docsPageOf({ info, tags, paths, components }: ApiDocument, origin: string): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    // A HEAD that only leaves the body of a GET away tells nothing new.
    Object.entries(methods).flatMap(([method, operation]) =>
      operation['x-head-of'] === undefined ? [{ path, method, operation }] : [],
    ),
  );
  const groups = tags.map(({ name }) => {
    const ofGroup = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2>${text(name)}</h2>${ofGroup.map((one) => operationHtml(one, origin)).join('')}`;
  });
  const shapes = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details class="operation" id="schema-${text(name)}"><summary><code>${text(name)}</code></summary>${jsonHtml(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${text(info.title)} API</title>
<style>${docsStyle}</style>
</head>
<body>
<h1>${text(info.title)}</h1>
<p>${prose(info.summary)}. <a href="/openapi.json">OpenAPI 3.1 document</a></p>
<p>${prose(info.description)}</p>
${groups.join('\n')}
<h2>JSON</h2>
${shapes.join('\n')}
</body>
</html>
`;
}

type Placed = { readonly path: string; readonly method: string; readonly operation: DocumentedOperation };

function operationHtml({ path, method, operation }: Placed, origin: string): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const example = operation['x-codeSamples'].map(({ source }) => source.replaceAll('{origin}', origin)).join('\n');
  return `
<details class="operation" id="${text(operationId)}">
<summary><span class="method ${method}">${method.toUpperCase()}</span><code>${text(path)}</code><span>${text(summary)}</span></summary>
${description === undefined ? '' : `<p>${prose(description)}</p>`}
<pre>${text(example)}</pre>
${section(
  'Parameters',
  parameters.map(({ name, in: place, description, schema }) => [
    `<code>${text(name)}</code><br><span class="faint">${place}</span>`,
    `<p>${prose(description)}</p>${constraintHtml(schema)}`,
  ]),
)}
${requestBody === undefined ? '' : `<h3>Body</h3><p>${prose(requestBody.description)}</p>${contentHtml({ ...requestBody.content, ...requestBody['x-lines'] })}`}
${section(
  'Answers',
  Object.entries(responses).map(([status, { description, headers = {}, content = {}, 'x-lines': lines = {} }]) => [
    text(status),
    description
      .split('\n\n')
      .map((line) => `<p>${prose(line)}</p>`)
      .join('') +
      (Number(status) < 400 ? contentHtml({ ...content, ...lines }) : '') +
      headersHtml(headers),
  ]),
)}
</details>`;
}

function section(title: string, rows: readonly (readonly [head: string, body: string])[]): string {
  if (rows.length === 0) return '';
  return `<h3>${title}</h3><table>${rows.map(([head, body]) => `<tr><th>${head}</th><td>${body}</td></tr>`).join('')}</table>`;
}

function headersHtml(headers: object): string {
  const names = Object.keys(headers).map((name) => `<code>${text(name)}</code>`);
  return names.length === 0 ? '' : `<p class="faint">with ${names.join(', ')}</p>`;
}

function contentHtml(content: object): string {
  return Object.entries(content as { [type: string]: { readonly schema?: object } })
    .map(([type, { schema }]) => `<p class="faint"><code>${text(type)}</code> ${shapeHtml(schema)}</p>`)
    .join('');
}

/** Links to the shapes that a schema names. */
function shapeHtml(schema: object | undefined): string {
  const names = [...JSON.stringify(schema ?? {}).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
  return names.map((name) => `<a href="#schema-${name}">${name}</a>`).join(' or ');
}

function constraintHtml(schema: object): string {
  const {
    enum: allowed,
    default: preset,
    minimum,
    maximum,
  } = schema as {
    readonly enum?: readonly string[];
    readonly default?: unknown;
    readonly minimum?: number;
    readonly maximum?: number;
  };
  const said = [
    ...(allowed === undefined ? [] : [allowed.map((one) => `\`${one}\``).join(' or ')]),
    ...(minimum === undefined || maximum === undefined ? [] : [`${minimum} to ${maximum}`]),
    ...(preset === undefined || preset === '' ? [] : [`default \`${preset}\``]),
  ];
  return said.length === 0 ? '' : `<p class="faint">${prose(said.join('; '))}</p>`;
}

function jsonHtml(schema: object): string {
  return `<pre>${text(JSON.stringify(schema, null, 2))}</pre>`;
}

/** Text in which \`…\` is code. */
function prose(markdown: string): string {
  return text(markdown).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function text(plain: string): string {
  return plain.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

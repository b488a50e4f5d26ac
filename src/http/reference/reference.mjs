/**
 * The page at /docs, as the browser runs it: Swagger UI shows the OpenAPI document and sends requests; beside it stands a
 * list of the operations, which can be searched. Nothing comes from elsewhere.
 */

import { linksOf } from './contents.mjs';
import { snippets } from './snippets.mjs';

/** Streams without an end: Swagger UI would wait for it before it shows anything. */
const endless = ['/v1/changes'];

/** A value is any bytes under any content type; these are three of them to try. */
const anyValue = {
  'text/plain': { schema: { type: 'string' }, example: 'hello' },
  'application/json': { schema: { type: 'object' }, example: { name: 'Ada' } },
  'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
};

const dark = matchMedia('(prefers-color-scheme: dark)');
const adoptColors = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', adoptColors);
adoptColors();

const specification = await (await fetch('openapi.json')).json();
prepare(specification);

const ui = globalThis.SwaggerUIBundle({
  spec: specification,
  domNode: document.querySelector('#reference'),
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestSnippetsEnabled: true,
  requestSnippets: snippets.settings,
  plugins: [
    snippets.plugin,
    {
      statePlugins: {
        spec: {
          wrapSelectors: { allowTryItOutFor: () => (_state, path) => !endless.includes(path) },
        },
      },
    },
  ],
  onComplete: () => {
    const contents = linksOf(specification, (tag, id) => ui.layoutActions.show(['operations', tag, id], true));
    document.querySelector('#contents').replaceChildren(...contents.groups);
    document.querySelector('#search').addEventListener('input', ({ target }) => contents.show(target.value));
  },
});

/** What the document says for programs, as people want to see and try it. */
function prepare(specification) {
  // This service: Swagger UI takes the page's own.
  delete specification.servers;
  for (const methods of Object.values(specification.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      // A HEAD that only leaves the body of a GET away tells nothing new.
      if (operation['x-head-of'] !== undefined) delete methods[method];
      else prepareOperation(operation);
    }
  }
}

function prepareOperation(operation) {
  const samples = operation['x-codeSamples'].map(({ source }) => source.replaceAll('{origin}', location.origin));
  operation.description = [operation.description ?? '', '```sh', ...samples, '```'].join('\n');
  operation.parameters.forEach(prepareParameter);
  for (const [status, response] of Object.entries(operation.responses)) {
    if (Number(status) >= 400) giveExample(response, Number(status));
  }
  if (operation.requestBody?.content['*/*'] !== undefined) operation.requestBody.content = anyValue;
}

/** Swagger UI would send defaults and examples along with whatever is tried. */
function prepareParameter(parameter) {
  const { schema } = parameter;
  schema.type ??= 'string';
  if (schema.default !== undefined && schema.default !== '')
    parameter.description += ` Default: \`${schema.default}\`.`;
  delete schema.default;
  delete schema.examples;
}

/** The first problem that has this status. */
function giveExample({ description, content = {} }, status) {
  const [, code, title] = /`([a-z-]+)`: (.*)/.exec(description) ?? [];
  for (const body of Object.values(content)) {
    body.example = {
      type: `urn:shardlite:problem:${code}`,
      title,
      status,
      code,
      detail: 'What is wrong, and what is allowed.',
    };
  }
}

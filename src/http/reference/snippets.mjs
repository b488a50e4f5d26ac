/** What was sent, as a program would send it: curl comes with Swagger UI; these are JavaScript and Python. */

const generators = {
  javascript: { title: 'JavaScript', syntax: 'javascript', of: javascriptOf },
  python: { title: 'Python (httpx)', syntax: 'python', of: pythonOf },
};

export const snippets = {
  settings: {
    generators: {
      curl_bash: { title: 'curl', syntax: 'bash' },
      ...Object.fromEntries(Object.entries(generators).map(([name, { title, syntax }]) => [name, { title, syntax }])),
    },
    languages: ['curl_bash', ...Object.keys(generators)],
    defaultExpanded: true,
  },
  plugin: {
    fn: Object.fromEntries(
      Object.entries(generators).map(([name, { of }]) => [
        `requestSnippetGenerator_${name}`,
        (request) => of(sentOf(request)),
      ]),
    ),
  },
};

function sentOf(request) {
  const { url, method, headers, body } = request.toJS();
  const sent = Object.entries(headers ?? {});
  return { url, method, headers: sent, body: typeof body === 'string' && body !== '' ? body : undefined };
}

function javascriptOf({ url, method, headers, body }) {
  const options = [
    ...(method === 'GET' ? [] : [`  method: ${quoted(method)},`]),
    ...(headers.length === 0 ? [] : [`  headers: ${objectOf(headers)},`]),
    ...(body === undefined ? [] : [`  body: ${quoted(body)},`]),
  ];
  const more = options.length === 0 ? '' : `, {\n${options.join('\n')}\n}`;
  return `const answer = await fetch(${quoted(url)}${more});\nconsole.log(answer.status, await answer.text());`;
}

function pythonOf({ url, method, headers, body }) {
  const given = [
    quoted(method),
    quoted(url),
    ...(headers.length === 0 ? [] : [`headers=${objectOf(headers)}`]),
    ...(body === undefined ? [] : [`content=${quoted(body)}`]),
  ];
  return `import httpx\n\nanswer = httpx.request(\n${given.map((one) => `    ${one},\n`).join('')})\nprint(answer.status_code, answer.text)`;
}

/** JSON's strings are strings of both languages. */
function quoted(text) {
  return JSON.stringify(text);
}

function objectOf(headers) {
  return `{ ${headers.map(([name, value]) => `${quoted(name)}: ${quoted(String(value))}`).join(', ')} }`;
}

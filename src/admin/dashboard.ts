/** The page for operators, as files: it comes from this machine alone, and runs nothing that is not among them. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const headers = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  // After an upgrade of the service the browser takes the new files.
  'cache-control': 'no-cache',
};

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

const ownFiles = [
  'page.css',
  'main.mjs',
  'admin-api.mjs',
  'change-view.mjs',
  'curves.mjs',
  'elements.mjs',
  'history-view.mjs',
  'plan-dialog.mjs',
  'process-view.mjs',
  'ring-view.mjs',
  'shard-colors.mjs',
  'icon.svg',
];

export function registerDashboard(app: FastifyInstance): void {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'));
  const files: Readonly<Record<string, string>> = {
    '/': here('../page/index.html'),
    ...Object.fromEntries(ownFiles.map((name) => [`/page/${name}`, here(`../page/${name}`)])),
    // What a terminal shows and what the page shows is written in one way.
    '/page/quantity.js': here('../cli/quantity.js'),
    '/page/uplot.js': join(uplot, 'uPlot.esm.js'),
    '/page/uplot.css': join(uplot, 'uPlot.min.css'),
  };
  for (const [path, file] of Object.entries(files)) {
    const type = types[file.slice(file.lastIndexOf('.') + 1) as keyof typeof types];
    app.get(path, async (_request, reply) => reply.headers(headers).type(type).send(readFileSync(file)));
  }
}

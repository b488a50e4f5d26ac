/**
 * The one REST app, over any Store: limits, time-outs, routes, and errors as problem documents. Every strategy
 * serves exactly this app, so that comparing strategies compares their stores and nothing else.
 */

import { type ServerOptions, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { AccessControl } from '../access/access-control.ts';
import { type RateLimit, RateLimiter } from '../access/rate-limiter.ts';
import type { Store } from '../kv/store.ts';
import type { AccessLog } from './access-log.ts';
import { Admission, type StoreFor } from './admission.ts';
import { BodyBudget } from './body-budget.ts';
import { BodyRefused, bodyReader } from './body-reader.ts';
import { connectionsAllowed } from './connection-limit.ts';
import { operationsOf } from './description/openapi.ts';
import { pathOf } from './description/route-doc.ts';
import { hostGuard } from './host-guard.ts';
import { type Certificate, createHttpServer, refuseBytes } from './http-server.ts';
import { crossOrigin, originGuard } from './origin-guard.ts';
import { answerProblem, kvErrorOf, rawProblem, sendProblem } from './problem.ts';
import { pathOfTarget } from './request-framing.ts';
import { nameIfAsked, requestIdOf } from './request-id.ts';
import type { RequestMeter } from './request-meter.ts';
import { Retirement } from './retirement.ts';
import { registerBatchRoutes } from './routes/batch-routes.ts';
import { registerChangesRoutes } from './routes/changes-routes.ts';
import { registerCounterRoutes } from './routes/counter-routes.ts';
import { registerDocsRoutes } from './routes/docs-routes.ts';
import { registerKvRoutes } from './routes/kv-routes.ts';
import { registerListRoutes } from './routes/list-routes.ts';
import { registerPrefixRoutes } from './routes/prefix-routes.ts';
import { registerServiceRoutes, type ServiceView } from './routes/service-routes.ts';

export type AppOptions = {
  readonly store: Store;
  readonly service: ServiceView;
  readonly valueBytesMax: number;
  /** Of all bodies of requests and answers that lie in this process. */
  readonly bodyMemoryBytesMax: number;
  /** Host names that requests may ask for, without port; 'any' turns the check off. */
  readonly allowedHosts: ReadonlySet<string> | 'any';
  /** Origins of web pages that may read and write, besides our own; `*` for any. */
  readonly allowedOrigins: readonly string[];
  /** With one, HTTPS is spoken and nothing else. */
  readonly certificate?: Certificate | undefined;
  /** Who may come in; everybody where it is left out. */
  readonly access?: AccessControl;
  /** Of each token or address; absent for none. */
  readonly rateLimit?: RateLimit | undefined;
  /** Counts requests, where somebody may want to know. */
  readonly meter?: RequestMeter | undefined;
  /** Logs requests, where an operator has asked for it. */
  readonly accessLog?: AccessLog | undefined;
  /** Told of each answer with status 500, and of the request's name if it has one. */
  readonly onDefect: (error: unknown, requestId: string | undefined) => void;
};

/** A request must be whole within this time, a large value over a slow line included. */
export const requestTimeoutMs = 60_000;
/** And what is answered must be read within as long. */
export const answerTimeoutMs = 60_000;
export const headersTimeoutMs = 10_000;
/** Node looks for overdue requests this often. */
const timeoutCheckIntervalMs = 1_000;
/** Longer than common proxies keep idle connections, so that they close first and no request meets a closing one. */
export const keepAliveTimeoutMs = 72_000;

/** No route has a schema of Fastify's: its compilers would take a sixth of a router's start to load. */
function compileNothing(): never {
  throw new Error('a route has a schema, and nothing compiles it');
}

export function createApp(options: AppOptions): FastifyInstance {
  const { store, service, valueBytesMax, bodyMemoryBytesMax, allowedHosts, allowedOrigins } = options;
  const { meter, accessLog, onDefect } = options;
  const admission = new Admission(
    store,
    options.access ?? new AccessControl(),
    options.rateLimit && new RateLimiter(options.rateLimit),
  );
  const budget = new BodyBudget(bodyMemoryBytesMax);
  const app = fastify({
    logger: false,
    schemaController: { compilersFactory: { buildValidator: compileNothing, buildSerializer: compileNothing } },
    bodyLimit: valueBytesMax,
    exposeHeadRoutes: false,
    // Requests on open connections are answered while draining, with `connection: close`.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    serverFactory: (handle) =>
      createHttpServer(handle, {
        certificate: options.certificate,
        http: {
          headersTimeout: headersTimeoutMs,
          connectionsCheckingInterval: timeoutCheckIntervalMs,
          ...responseOf(meter, accessLog),
        },
        requestTimeoutMs,
        answerTimeoutMs,
        keepAliveTimeoutMs,
        connectionsMax: connectionsAllowed(),
      }),
    // Proxies may ask for a whole URL (RFC 9112, 3.2.2): handlers see its path.
    rewriteUrl: ({ url = '/' }) => (url.startsWith('/') ? url : pathOfTarget(url)),
    // As long as headers may be: a key that is too long shall be told so, not be an unknown route.
    routerOptions: { maxParamLength: 16 * 1024 },
    frameworkErrors: (error, _request, reply) => {
      const { code, message } = kvErrorOf(error);
      return sendProblem(reply, code, message);
    },
    clientErrorHandler: (error, socket) => {
      const { code, message } = kvErrorOf(error);
      refuseBytes(socket, rawProblem(code, message));
    },
  });

  app.decorate('bodyBudget', budget);
  app.decorate('retirement', new Retirement(app.server));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', bodyReader({ valueBytesMax, budget }));

  accessLog?.watch(app);
  if (allowedHosts !== 'any') app.addHook('onRequest', hostGuard(allowedHosts));
  if (allowedOrigins.length > 0) app.addHook('onRequest', crossOrigin(allowedOrigins));
  const originFault = originGuard(allowedOrigins);
  // One hook for both: whoever asks nobody for a token pays for no further one.
  app.addHook('onRequest', (request, reply, done) => {
    nameIfAsked(request.raw, reply.raw);
    const fault = originFault(request.raw);
    if (fault !== undefined || admission.isOpen) done(fault);
    else admission.admit(request, reply, done);
  });
  app.setErrorHandler((error, _request, reply) => {
    const problem = kvErrorOf(error);
    if (problem.code === 'internal-error') onDefect(problem.cause, requestIdOf(reply.raw));
    if (!(problem instanceof BodyRefused)) return sendProblem(reply, problem.code, problem.message);
    reply.hijack();
    return answerProblem(reply.raw, problem);
  });
  answerUnroutable(app);
  const operations = operationsOf(app);
  meter?.watch(app);
  const storeFor: StoreFor = (request) => admission.storeFor(request);
  registerKvRoutes(app, storeFor);
  registerCounterRoutes(app, storeFor);
  registerListRoutes(app, storeFor);
  registerPrefixRoutes(app, admission);
  registerChangesRoutes(app, store, admission);
  registerBatchRoutes(app, storeFor, valueBytesMax);
  registerServiceRoutes(app, service);
  registerDocsRoutes(app, operations);
  return app;
}

/** The class of the responses: Node's own where nobody looks at them. */
function responseOf(
  meter: RequestMeter | undefined,
  accessLog: AccessLog | undefined,
): Pick<ServerOptions, 'ServerResponse'> {
  const metered = meter?.Response;
  if (accessLog !== undefined) return { ServerResponse: accessLog.responseOver(metered ?? ServerResponse) };
  return metered === undefined ? {} : { ServerResponse: metered };
}

/** 405 with `Allow` where the path has routes with other methods, 404 elsewhere. Before the routes. */
function answerUnroutable(app: FastifyInstance): void {
  const methodsByRoute = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    methodsByRoute.set(url, [...(methodsByRoute.get(url) ?? []), ...[method].flat()]);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] as string;
    for (const [route, methods] of methodsByRoute) {
      if (!isOfRoute(path, route)) continue;
      const allowed = methods.sort().join(', ');
      reply.header('allow', allowed);
      return sendProblem(reply, 'method-not-allowed', `${request.method} is not allowed here; allowed are ${allowed}.`);
    }
    return sendProblem(reply, 'route-unknown', `The paths are ${[...methodsByRoute.keys()].map(pathOf).join(', ')}.`);
  });
}

/** Whether the path is of this route, whatever the method: `:name` stands for one segment, `*` for all that is left. */
function isOfRoute(path: string, route: string): boolean {
  const [fixed = '', variable] = route.split(/[*:]/);
  if (variable === undefined) return path === route;
  return path.startsWith(fixed) && (route.includes('*') || !path.slice(fixed.length).includes('/'));
}

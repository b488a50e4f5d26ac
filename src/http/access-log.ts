/**
 * The log of requests: a line for each, or for those alone whose answer was long in coming. A response logs itself when it
 * is over, whoever wrote it, so that refusals and answers on a short way are in it too. Without either setting nothing of
 * this exists.
 */

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log } from '../ports/log.ts';
import { grantOf } from './admission.ts';
import { pathOf } from './description/route-doc.ts';
import { nameRequest } from './request-id.ts';

export type AccessLogSettings = {
  /** `keys`: with the URLs of requests, and so with keys. */
  readonly kind: 'off' | 'on' | 'keys';
  /** Answers that take so long to begin are logged as warnings, also when no others are; null for none. */
  readonly slowMs: number | null;
};

type ResponseClass = typeof ServerResponse;

/** What is known of a request when it is over. */
type Answered = {
  readonly id: string;
  readonly raw: IncomingMessage;
  readonly address: string | undefined;
  /** Undefined when it was refused before it had a route. */
  readonly routed: FastifyRequest | undefined;
  /** Null when the client went before it was answered. */
  readonly status: number | null;
  readonly bytes: unknown;
  /** Until the answer began, and until it was over. */
  readonly ms: number;
  readonly totalMs: number;
};

/** Undefined where nothing is to be logged. */
export function accessLogOf(settings: AccessLogSettings, log: Log): AccessLog | undefined {
  return settings.kind === 'off' && settings.slowMs === null ? undefined : new AccessLog(settings, log);
}

export class AccessLog {
  readonly #settings: AccessLogSettings;
  readonly #log: Log;

  constructor(settings: AccessLogSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** The class of the responses that a server has to make. */
  responseOver(Base: ResponseClass): ResponseClass {
    const note = (answered: Answered) => this.#note(answered);
    return class<Request extends IncomingMessage> extends Base<Request> implements Routed {
      routed: FastifyRequest | undefined;
      #headAtMs: number | undefined;
      #bytes: unknown;

      constructor(...args: ConstructorParameters<ResponseClass>) {
        super(...(args as ConstructorParameters<typeof Base<Request>>));
        const beganAtMs = performance.now();
        const [raw] = args;
        const address = raw.socket.remoteAddress;
        const id = nameRequest(raw, this);
        this.once('close', () => {
          const endedAtMs = performance.now();
          note({
            id,
            raw,
            address,
            routed: this.routed,
            status: this.#headAtMs === undefined ? null : this.statusCode,
            bytes: this.#bytes,
            ms: (this.#headAtMs ?? endedAtMs) - beganAtMs,
            totalMs: endedAtMs - beganAtMs,
          });
        });
      }

      override writeHead(status: number, reason?: unknown, headers?: unknown): this {
        this.#headAtMs = performance.now();
        const given = (typeof reason === 'object' ? reason : headers) as OutgoingHttpHeaders | undefined;
        this.#bytes = given?.['content-length'] ?? this.getHeader('content-length');
        return super.writeHead(status, reason as string, headers as OutgoingHttpHeaders);
      }
    } as unknown as ResponseClass;
  }

  /** Of routes that are registered after this. */
  watch(app: FastifyInstance): void {
    app.addHook('onRequest', (request, { raw }, done) => {
      (raw as unknown as Routed).routed = request;
      done();
    });
  }

  #note({ id, raw, address, routed, status, bytes, ms, totalMs }: Answered): void {
    const { kind, slowMs } = this.#settings;
    const isSlow = slowMs !== null && ms >= slowMs;
    if (kind === 'off' && !isSlow) return;
    const route = routed?.routeOptions.url === undefined ? null : pathOf(routed.routeOptions.url);
    const facts = {
      event: isSlow ? 'slow-request' : 'request',
      requestId: id,
      method: raw.method,
      route,
      ...(kind === 'keys' && { url: raw.url }),
      status,
      ms: rounded(ms),
      totalMs: rounded(totalMs),
      ...(bytes !== undefined && { bytes: Number(bytes) }),
      address,
      client: grantOf(raw)?.name,
    };
    const text = `${raw.method} ${(kind === 'keys' ? raw.url : route) ?? '(no route)'} ${status ?? 'unanswered'} in ${facts.ms} ms`;
    if (isSlow) this.#log.warn(facts, text);
    else this.#log.info(facts, text);
  }
}

/** A response whose request was given to a route. */
type Routed = { routed: FastifyRequest | undefined };

/** To a microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

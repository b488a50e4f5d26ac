/**
 * Counts answers by route and class of status, and how long each took to begin. A response counts itself when its head
 * is written, whoever writes it, so that answers on a short way are counted too. Costs a request two looks at the clock.
 */

import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { LatencyHistogram } from '../metrics/latency-histogram.ts';
import { amount, distribution, type Measure } from '../metrics/measure.ts';
import { pathOf } from './description/route-doc.ts';

const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

class RouteFigures {
  readonly #labels: { readonly method: string; readonly route: string };
  readonly #answers = statusClasses.map(() => 0);
  readonly #durations = new LatencyHistogram();

  constructor(method: string, route: string) {
    this.#labels = { method, route };
  }

  answered(status: number, durationMs: number): void {
    (this.#answers[Math.floor(status / 100) - 1] as number)++;
    this.#durations.record(durationMs);
  }

  /** Nothing of a route that nobody has asked for. */
  measures(): readonly Measure[] {
    if (this.#durations.total === 0) return [];
    const answers = statusClasses.flatMap((status, index) => {
      const count = this.#answers[index] as number;
      return count === 0 ? [] : [amount('shardlite_http_requests_total', count, { ...this.#labels, status })];
    });
    return [...answers, distribution('shardlite_http_request_duration_seconds', this.#durations, this.#labels)];
  }
}

export class RequestMeter {
  /** The class of the responses that a server has to make. */
  readonly Response: typeof ServerResponse;
  /** Requests that have no route, or were refused before it was known. */
  readonly #unrouted = new RouteFigures('', '');
  readonly #routes: RouteFigures[] = [this.#unrouted];

  constructor() {
    const unrouted = this.#unrouted;
    this.Response = class<Request extends IncomingMessage> extends MeteredResponse<Request> {
      override figures = unrouted;
    };
  }

  /** Of routes that are registered after this. */
  watch(app: FastifyInstance): void {
    app.addHook('onRoute', (route) => {
      const figures = new RouteFigures([route.method].flat().join(','), pathOf(route.url));
      this.#routes.push(figures);
      const note: onRequestHookHandler = (_request, { raw }, done) => {
        (raw as MeteredResponse<IncomingMessage>).figures = figures;
        done();
      };
      route.onRequest = [note, ...[route.onRequest ?? []].flat()];
    });
  }

  measures(): readonly Measure[] {
    return this.#routes.flatMap((route) => route.measures());
  }
}

abstract class MeteredResponse<Request extends IncomingMessage> extends ServerResponse<Request> {
  abstract figures: RouteFigures;
  readonly #beganAtMs = performance.now();

  override writeHead(status: number, reason?: unknown, headers?: unknown): this {
    super.writeHead(status, reason as string, headers as OutgoingHttpHeaders);
    this.figures.answered(status, performance.now() - this.#beganAtMs);
    return this;
  }
}

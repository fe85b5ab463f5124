import { setTimeout as pause } from 'node:timers/promises';
import { type Reply, send } from '../support/person.ts';
import type { Record } from './record.ts';

const mostResends = 2;

/**
 * Sends a request, and the very same again once or twice when the connection breaks or the answer is 503, as
 * careful clients and balancers do.
 */
export async function sendPatiently(record: Record, attempt: () => Promise<Reply>): Promise<Reply> {
  for (let resends = 0; ; resends++) {
    record.requests += 1;
    const started = performance.now();
    try {
      const reply = await attempt();
      if (reply.status !== 503) {
        record.succeeded(performance.now() - started);
        return reply;
      }
      if (resends >= mostResends) {
        record.failed += 1;
        throw new Outage(`503 ${reply.body.slice(0, 100)}`);
      }
    } catch (error) {
      if (error instanceof Outage) throw error;
      if (resends >= mostResends) {
        record.failed += 1;
        throw new Outage(String(error));
      }
    }
    record.resent += 1;
    await pause(100 * 3 ** resends);
  }
}

/** Nothing is known of what became of the request. */
export class Outage extends Error {}

/** For openid-client: each request on a connection of its own, patiently. */
export function patientFetch(record: Record) {
  return async (
    url: string,
    options: { method?: string; headers?: object; body?: unknown },
  ): Promise<Response> => {
    const reply = await sendPatiently(record, () =>
      send(new URL(url), {
        method: options.method ?? 'GET',
        headers: Object.fromEntries(new Headers(options.headers as { [name: string]: string })),
        ...(options.body === undefined || options.body === null ? {} : { body: String(options.body) }),
      }),
    );
    return new Response(reply.status === 204 ? null : reply.body, {
      status: reply.status,
      headers: reply.headers,
    });
  };
}

import { setTimeout as pause } from 'node:timers/promises';
import { type Reply, send } from '../support/person.ts';
import type { Record } from './record.ts';

const mostResends = 2;
/** A client waits as long as Retry-After says, but not longer than this. */
const longestWaitMs = 2000;

/**
 * Sends a request, and the very same again once or twice when the connection breaks or the answer is 503, as
 * careful clients do. Answers that no fault excuses go into the record.
 * @throws NoAnswer
 */
export async function sendPatiently(record: Record, attempt: () => Promise<Reply>): Promise<Reply> {
  for (let resends = 0; ; resends++) {
    record.requests += 1;
    const started = performance.now();
    let waitMs = 100 * 3 ** resends;
    let trouble: string;
    try {
      const reply = await attempt();
      if (reply.status < 500) {
        record.succeeded(performance.now() - started);
        return reply;
      }
      const retryAfter = Number(reply.headers.get('retry-after') ?? Number.NaN);
      trouble = `${reply.status} ${reply.body.slice(0, 150)}`;
      if (reply.status !== 503) record.violate('wrong', trouble);
      else if (!(retryAfter > 0)) record.violate('wrong', `no Retry-After: ${trouble}`);
      if (retryAfter > 0) waitMs = Math.min(retryAfter * 1000, longestWaitMs);
    } catch (error) {
      trouble = String(error);
    }
    if (resends >= mostResends) {
      record.failed += 1;
      throw new NoAnswer(trouble);
    }
    record.resent += 1;
    await pause(waitMs);
  }
}

/** Nothing is known of what became of the request; the record has what there is to say about it. */
export class NoAnswer extends Error {}

/** Whether nothing but a missing answer is behind an error, also one that openid-client has wrapped. */
export function isNoAnswer(error: unknown): boolean {
  return error instanceof NoAnswer || (error instanceof Error && error.cause instanceof NoAnswer);
}

export function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause ? ` (${JSON.stringify(error.cause)})` : '';
  return `${error}${cause}`.slice(0, 400);
}

/** For openid-client. */
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

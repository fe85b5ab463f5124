/**
 * Owns how the demo services send a request to another party: when it breaks or the party asks to come back,
 * the same request goes out again. That is right for every request that they make: reads are harmless, and the
 * provider answers a repeated token request as it answered the first.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Outage, type Party } from './outage.ts';

/** What is known of one request once it has ended. `status` is 0 when no answer came; `ms` spans all sends. */
export type Answer = { url: string; pod: string | null; status: number; ms: number; sends: number };

export type RequestOptions = {
  method: string;
  headers: Headers | Record<string, string>;
  body?: string | Uint8Array | URLSearchParams;
};

/** A fetch whose response is read in full, so that a connection that breaks half-way counts as broken. */
export type PatientFetch = (url: string, options: RequestOptions) => Promise<Response>;

const pausesMs = [200, 600];
const longestPauseMs = 2_000;
const attemptMs = 5_000;

/** Statuses of a pod, or of a proxy in front of it, that say nothing about the request itself. */
const passing = new Set([502, 503, 504]);

/**
 * Makes a fetch for one party. `report` is told once per request, after the last send.
 * The fetch throws `Outage` when the last send breaks or still has a passing status.
 */
export function patientFetch(party: Party, report: (answer: Answer) => void): PatientFetch {
  return async (url, options) => {
    const startedAt = performance.now();
    for (let send = 1; ; send += 1) {
      const last = send > pausesMs.length;
      const attempt = await sendOnce(url, options);
      if (attempt.ok && !passing.has(attempt.response.status)) {
        report(describe(url, attempt.response, startedAt, send));
        return attempt.response;
      }
      if (last) {
        report(describe(url, attempt.ok ? attempt.response : undefined, startedAt, send));
        throw new Outage(party, attempt.ok ? undefined : attempt.cause);
      }
      await pause(pauseMs(attempt.ok ? attempt.response : undefined, send));
    }
  };
}

type Attempt = { ok: true; response: Response } | { ok: false; cause: unknown };

async function sendOnce(url: string, { method, headers, body }: RequestOptions): Promise<Attempt> {
  try {
    const signal = AbortSignal.timeout(attemptMs);
    const response = await fetch(url, { method, headers, body, redirect: 'manual', signal });
    const bytes = await response.arrayBuffer();
    const whole = new Response(bytes.byteLength === 0 ? null : bytes, {
      status: response.status,
      headers: response.headers,
    });
    return { ok: true, response: whole };
  } catch (cause) {
    return { ok: false, cause };
  }
}

function pauseMs(response: Response | undefined, send: number): number {
  const seconds = Number(response?.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0
    ? Math.min(seconds * 1_000, longestPauseMs)
    : (pausesMs[send - 1] ?? longestPauseMs);
}

function describe(url: string, response: Response | undefined, startedAt: number, sends: number): Answer {
  return {
    url,
    pod: podName(response?.headers.get('holdfast-pod')),
    status: response?.status ?? 0,
    ms: Math.round(performance.now() - startedAt),
    sends,
  };
}

function podName(header: string | null | undefined): string | null {
  return header && /^[\w.-]{1,40}$/.test(header) ? header : null;
}

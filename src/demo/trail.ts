/** Owns what the relying party knows of the pods: the report of the proxy in front of them, checked and sorted. */

export type Pod = { name: string; state: 'up' | 'down' | 'starting'; port: number };

/** A request of the browser that the proxy passed on; `retriedFrom` is the pod that broke off before. */
export type TrailRequest = {
  what: 'request';
  at: string;
  method: string;
  path: string;
  pod: string;
  status: number;
  retriedFrom?: string;
};

export type TrailKill = { what: 'kill'; at: string; pod: string; how: string };

/** `events` are the newest first. */
export type Trail = { pods: Pod[]; events: (TrailRequest | TrailKill)[]; kills: number };

const maxEvents = 40;
const maxPods = 30;
const answerMs = 1_500;

/** Reads the report; undefined when it cannot be had or is not one. */
export async function readTrail(trailUrl: string): Promise<Trail | undefined> {
  try {
    const response = await fetch(trailUrl, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(answerMs),
    });
    return response.ok ? parseTrail(await response.json()) : undefined;
  } catch {
    return undefined;
  }
}

/** Takes what has the right shape out of a report and leaves the rest. Undefined when it is not a report at all. */
export function parseTrail(report: unknown): Trail | undefined {
  if (!isObject(report)) return undefined;
  const kills = list(report.kills).flatMap(asKill);
  const requests = list(report.entries).flatMap(asRequest);
  const events = [...kills, ...requests].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  return {
    pods: list(report.pods).flatMap(asPod).slice(0, maxPods),
    events: events.slice(0, maxEvents),
    kills: kills.length,
  };
}

function asKill({ at, pod, how }: Record<string, unknown>): TrailKill[] {
  return isTime(at) && isText(pod) && isText(how) ? [{ what: 'kill', at, pod, how }] : [];
}

function asRequest(entry: Record<string, unknown>): TrailRequest[] {
  const { at, method, path, pod, status, retriedFrom } = entry;
  if (!isTime(at) || !isText(method) || !isText(path) || !isText(pod) || typeof status !== 'number')
    return [];
  // A query may hold a code or a token hint; the path alone says what was asked.
  const request: TrailRequest = { what: 'request', at, method, path: path.split('?')[0] ?? '', pod, status };
  return [isText(retriedFrom) ? { ...request, retriedFrom } : request];
}

function asPod({ name, state, port }: Record<string, unknown>): Pod[] {
  if (!isText(name) || typeof port !== 'number') return [];
  return state === 'up' || state === 'down' || state === 'starting' ? [{ name, state, port }] : [];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const list = (value: unknown) => (Array.isArray(value) ? value.filter(isObject) : []);
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= 300;
const isTime = (value: unknown): value is string => isText(value) && !Number.isNaN(Date.parse(value));

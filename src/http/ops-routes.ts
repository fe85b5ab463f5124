import type { Middleware } from 'koa';

/** What a pod says of itself to whoever runs it. */
export type Probes = {
  /** It has reached Redis once, and has its keys. */
  isStarted(): boolean;
  /** Requests may be sent here. Redis being away is no reason against it: then every pod would leave at once. */
  isReady(): boolean;
};

export type ProbeAnswer = { status: 200 | 503; body: string };

/** `/livez` says that the event loop turns, and never depends on anything else. @returns undefined for other paths */
export function probeAnswers(probes: Probes): (path: string) => ProbeAnswer | undefined {
  const answers = new Map<string, () => boolean>([
    ['/livez', () => true],
    ['/startupz', () => probes.isStarted()],
    ['/readyz', () => probes.isReady()],
  ]);
  return (path) => {
    const isFine = answers.get(path);
    if (!isFine) return undefined;
    return isFine() ? { status: 200, body: 'ok\n' } : { status: 503, body: 'not ready\n' };
  };
}

/** Answers the probes of a kubelet, which asks by the pod's own address: before the check of Host. */
export function answerProbes(probes: Probes): Middleware {
  const answerTo = probeAnswers(probes);
  return async (ctx, next) => {
    const answer = answerTo(ctx.path);
    if (!answer) return next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.set('allow', 'GET, HEAD');
      ctx.status = 405;
      return;
    }
    ctx.status = answer.status;
    ctx.body = answer.body;
  };
}

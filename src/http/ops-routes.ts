import type { Middleware } from 'koa';

/** What a pod says of itself to whoever runs it. */
export type Probes = {
  /** It has reached Redis once, and has its keys. */
  isStarted(): boolean;
  /** Requests may be sent here. Redis being away is no reason against it: then every pod would leave at once. */
  isReady(): boolean;
};

/**
 * Answers the probes of a kubelet, which asks by the pod's own address: before the check of Host. `/livez` says
 * that the event loop turns, and never depends on anything else.
 */
export function answerProbes(probes: Probes): Middleware {
  const answers = new Map<string, () => boolean>([
    ['/livez', () => true],
    ['/startupz', () => probes.isStarted()],
    ['/readyz', () => probes.isReady()],
  ]);
  return async (ctx, next) => {
    const isFine = answers.get(ctx.path);
    if (!isFine) return next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.set('allow', 'GET, HEAD');
      ctx.status = 405;
      return;
    }
    ctx.status = isFine() ? 200 : 503;
    ctx.body = ctx.status === 200 ? 'ok\n' : 'not ready\n';
  };
}

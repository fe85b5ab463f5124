import { type Pod, startPod } from '../support/pods.ts';
import { apiResource, type TestProvider } from '../support/provider.ts';

/**
 * Pods that are not like the others: one whose clock is ahead, so that nobody waits for time to pass, and one
 * that dies in the middle of a request. Each is a real pod with a few lines loaded before it.
 */

/** A pod of this provider whose clock runs ahead; Redis, and the other pods, keep the real time. */
export function startPodAhead(
  provider: Pick<TestProvider, 'issuer'>,
  redisUrl: string,
  aheadSeconds: number,
  environment: Record<string, string> = {},
): Promise<Pod> {
  return start(
    provider,
    redisUrl,
    `pod-ahead-${aheadSeconds}`,
    { HOLDFAST_CLOCK_TOLERANCE_SECONDS: '0', ...environment },
    [
      'const now = Date.now;',
      `Date.now = () => now() + ${aheadSeconds * 1000};`,
      'globalThis.Date = class extends Date {',
      '  constructor(...given) { given.length === 0 ? super(Date.now()) : super(...given); }',
      '};',
    ],
  );
}

/**
 * Where a pod dies: `before` its first commit was sent to Redis, `between` the sending and the reply, or
 * `after` the commit, when the answer is about to leave.
 */
export type DeathAt = 'before' | 'between' | 'after';

/** A pod that kills itself with SIGKILL in the first request to /token that it would grant. */
export function startDyingPod(provider: TestProvider, redisUrl: string, deathAt: DeathAt): Promise<Pod> {
  const die = "process.kill(process.pid, 'SIGKILL')";
  const inRedisWrite = (what: string) => [
    "const { Socket } = await import('node:net');",
    'const { write } = Socket.prototype;',
    'Socket.prototype.write = function (chunk, ...rest) {',
    "  const isCommit = String(chunk).includes('unspent');",
    what,
    '};',
  ];
  return start(
    provider,
    redisUrl,
    `pod-dying-${deathAt}`,
    {},
    {
      before: inRedisWrite(`if (isCommit) ${die}; return write.call(this, chunk, ...rest);`),
      between: inRedisWrite(
        `const done = write.call(this, chunk, ...rest); if (isCommit) ${die}; return done;`,
      ),
      after: [
        "const { ServerResponse } = await import('node:http');",
        'const { end } = ServerResponse.prototype;',
        'ServerResponse.prototype.end = function (...given) {',
        `  if (this.req.url === '/token' && this.statusCode === 200) ${die};`,
        '  return end.apply(this, given);',
        '};',
      ],
    }[deathAt],
  );
}

function start(
  { issuer }: Pick<TestProvider, 'issuer'>,
  redisUrl: string,
  name: string,
  environment: Record<string, string>,
  preload: string[],
): Promise<Pod> {
  const source = encodeURIComponent(preload.join('\n'));
  return startPod({
    name,
    issuer,
    redisUrl,
    environment: {
      HOLDFAST_RESOURCES: `${apiResource} api:read api:write`,
      ...environment,
      NODE_OPTIONS: `--import=data:text/javascript,${source}`,
    },
  });
}

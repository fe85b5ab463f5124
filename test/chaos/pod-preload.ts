/**
 * Loaded into a pod ahead of its own code (`node --import`): makes the pod kill itself at chosen points of a
 * request, or gives it a clock that is off. The plan comes in CHAOS_PLAN; the product has no such switches.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { Cluster, Redis } from 'ioredis';
import type { UnitOfWork } from '../../src/oidc/unit-of-work.ts';
import type { PodPlan } from './pod-plan.ts';
import { createRandom } from './random.ts';

/** One unit's commit: what it sent to Redis so far. */
type Commit = { sent: Promise<unknown>[] };
type Script = (...given: unknown[]) => Promise<unknown>;

/** Whose answers an application or a person waits for. */
const answeredPaths =
  /^\/(token|auth|interaction|session|register|invitation|(forgot|reset)-password|[a-z-]*email)/;

if (isMainThread && process.env.CHAOS_PLAN) await carryOut(JSON.parse(process.env.CHAOS_PLAN) as PodPlan);

async function carryOut(plan: PodPlan): Promise<void> {
  if (plan.clockOnSignal) process.once('SIGUSR2', () => shiftClock(plan.clockMs));
  else if (plan.clockMs) shiftClock(plan.clockMs);
  if (plan.points.length === 0) return;
  const random = createRandom(plan.seed);
  const isDue = (point: (typeof plan.points)[number]) =>
    plan.points.includes(point) && random.next() < plan.probability;

  const commits = new AsyncLocalStorage<Commit>();
  let open = 0;
  // The very module that the pod loads next, so that it finds the wrapped method.
  const { href } = pathToFileURL(join(process.cwd(), 'src/oidc/unit-of-work.ts'));
  const { prototype } = ((await import(href)) as { UnitOfWork: typeof UnitOfWork }).UnitOfWork;
  const { commit } = prototype;
  prototype.commit = async function (this: UnitOfWork) {
    const { hasWrites } = this;
    if (hasWrites && isDue('before-commit')) die();
    open += 1;
    const result = await commits
      .run({ sent: [] }, () => commit.call(this))
      .finally(() => {
        open -= 1;
      });
    if (hasWrites && isDue('after-commit')) die();
    return result;
  };

  function wrapScript(run: Script): Script {
    return function (this: unknown, ...given) {
      const unit = commits.getStore();
      if (unit && unit.sent.length > 0 && isDue('between-aggregates')) {
        // What was sent before is carried out, this one never is.
        return Promise.allSettled(unit.sent).then(die);
      }
      const sent = run.apply(this, given);
      unit?.sent.push(sent);
      return sent;
    };
  }
  for (const client of [Redis, Cluster]) {
    const { defineCommand } = client.prototype;
    client.prototype.defineCommand = function (name: string, definition: { lua: string }) {
      defineCommand.call(this, name, definition);
      const scripts = this as unknown as { [name: string]: Script };
      const run = scripts[name];
      if (name === 'script:commit' && run) scripts[name] = wrapScript(run);
    };
  }

  const write = Socket.prototype.write as (...given: unknown[]) => boolean;
  Socket.prototype.write = function (this: Socket, ...given: unknown[]) {
    const done = write.apply(this, given);
    if (open > 0 && /\r\neval(sha)?\r\n/i.test(String(given[0])) && isDue('in-commit')) die();
    return done;
  };

  const end = ServerResponse.prototype.end as (...given: unknown[]) => ServerResponse;
  ServerResponse.prototype.end = function (this: ServerResponse, ...given: unknown[]) {
    if (answeredPaths.test(this.req.url ?? '') && isDue('before-answer')) die();
    return end.apply(this, given);
  };
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function shiftClock(ms: number): void {
  const { now } = Date;
  Date.now = () => now() + ms;
  globalThis.Date = new Proxy(Date, {
    construct: (date, given, target) =>
      Reflect.construct(date, given.length === 0 ? [Date.now()] : given, target),
  });
}

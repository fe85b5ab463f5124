import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { testKeys } from '../support/pods.ts';

export type Run = { code: number | null; out: string; err: string };

/** Each command is a process of its own: what it compiles is kept for the next one. */
const compiled = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

/** Runs the command line on a Redis, as somebody at a terminal would. */
export async function holdfast(
  redisUrl: string,
  args: string[],
  { input = '', environment = {} }: { input?: string; environment?: Record<string, string> } = {},
): Promise<Run> {
  const child = spawn(process.execPath, ['src/cli/holdfast.ts', ...args], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: compiled,
      REDIS_URL: redisUrl,
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
      ...environment,
    },
    stdio: 'pipe',
  });
  child.stdin.end(input);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: child.exitCode, out, err };
}

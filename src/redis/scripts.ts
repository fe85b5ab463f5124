import { readdirSync, readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';

/**
 * The Lua scripts in scripts/, one atomic operation each; a file's name is the script's name. ioredis sends a
 * script's text once for each connection and its digest from then on, and falls back by itself after a
 * failover (NOSCRIPT).
 */
export type Scripts = {
  /** @param keys all in one slot */
  run(name: string, keys: string[], args: (string | number | Buffer)[]): Promise<unknown>;
};

const directory = new URL('./scripts/', import.meta.url);

type Runner = (...args: (string | number | Buffer)[]) => Promise<unknown>;

export function defineScripts(client: Redis | Cluster): Scripts {
  const runners = new Map<string, Runner>();
  for (const file of readdirSync(directory)) {
    if (!file.endsWith('.lua')) continue;
    const name = file.slice(0, -'.lua'.length);
    const command = `script:${name}`;
    client.defineCommand(command, { lua: readFileSync(new URL(file, directory), 'utf8') });
    const runner = (client as unknown as Record<string, Runner>)[command];
    if (!runner) throw new Error(`script ${name} was not defined`);
    runners.set(name, runner.bind(client));
  }
  return {
    async run(name, keys, args) {
      const runner = runners.get(name);
      if (!runner) throw new Error(`there is no script ${name}`);
      return runner(keys.length, ...keys, ...args);
    },
  };
}

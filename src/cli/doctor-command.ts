import type { Command } from 'commander';
import { ConfigFaults } from '../config.ts';
import { configFaults, examine, type Finding } from '../doctor/doctor.ts';
import { createLog } from '../log.ts';
import { openStore } from '../redis/redis.ts';
import { print, withRedis } from './run.ts';

const marks: Record<Finding['state'], string> = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' };

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'look at configuration, Redis, clocks, keys, pods, the public address and mail, and say what to do; fails when there is a fault',
    )
    .action(async (_options: object, command: Command) => {
      const { json } = command.optsWithGlobals<{ json: boolean }>();
      const findings: Finding[] = [];
      const tell = (finding: Finding) => {
        findings.push(finding);
        if (!json) process.stdout.write(`${linesOf(finding).join('\n')}\n`);
      };
      try {
        await withRedis(async ({ config, target }) => {
          const store = openStore(config, target, createLog('silent', config.pod));
          try {
            for await (const finding of examine(config, store)) tell(finding);
          } finally {
            await store.close();
          }
        });
      } catch (error) {
        if (!(error instanceof ConfigFaults)) throw error;
        for (const finding of configFaults(error.faults)) tell(finding);
      }
      const count = (state: Finding['state']) => findings.filter((one) => one.state === state).length;
      print(command, { ok: count('fault') === 0, findings }, [
        `${count('ok')} ok, ${count('warning')} warnings, ${count('fault')} faults.`,
      ]);
      if (count('fault') > 0) process.exitCode = 1;
    });
}

function linesOf({ check, state, says, todo }: Finding): string[] {
  return [`${marks[state]}  ${check}: ${says}.`, ...(todo === undefined ? [] : [`         → ${todo}`])];
}

import type { Command } from 'commander';
import { type EventKind, type EventQuery, eventKinds, type Trail, trails } from '../events/events.ts';
import { many } from './option-values.ts';
import { CommandFailed } from './run.ts';

export type FilterOptions = {
  trail?: string;
  kind: string[];
  account?: string;
  actor?: string;
  client?: string;
  request?: string;
  email?: string;
  outcome?: string;
  from?: string;
  to?: string;
};

const outcomes = ['success', 'failure', 'unknown'] as const;

export function addFilterOptions(command: Command): Command {
  return command
    .option('--trail <trail>', 'admin or people')
    .option('--kind <kind>', 'such as sign-in.failed; may be repeated', many, [])
    .option('--account <id>', 'who acted, or was acted on')
    .option('--actor <id>', 'who acted')
    .option('--client <client_id>', 'where somebody signed in, or that was changed')
    .option('--request <id>', 'the number that a page or the log shows')
    .option('--email <address>', 'that somebody typed who then could not sign in')
    .option('--outcome <outcome>', outcomes.join(', '))
    .option('--from <time>', 'such as 2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--to <time>', 'the same; a day alone is meant with all its hours');
}

/** @throws CommandFailed for a value that is none */
export function filterOf(options: FilterOptions): Omit<EventQuery, 'cursor' | 'count'> {
  const { account, actor, client, request, email } = options;
  const kinds = options.kind.map((kind) => oneOf(kind, eventKinds, '--kind') as EventKind);
  return {
    ...(kinds.length > 0 ? { kinds } : {}),
    ...(options.trail === undefined ? {} : { trail: oneOf(options.trail, trails, '--trail') as Trail }),
    ...(options.outcome === undefined ? {} : { outcome: oneOf(options.outcome, outcomes, '--outcome') }),
    ...(account === undefined ? {} : { accountId: account }),
    ...(actor === undefined ? {} : { actorId: actor }),
    ...(client === undefined ? {} : { clientId: client }),
    ...(request === undefined ? {} : { requestId: request }),
    ...(email === undefined ? {} : { email }),
    ...(options.from === undefined ? {} : { from: time(options.from, '--from') }),
    ...(options.to === undefined ? {} : { to: endOf(options.to) }),
  };
}

function oneOf<T extends string>(text: string, all: readonly T[], option: string): T {
  const found = all.find((one) => one === text);
  if (found === undefined)
    throw new CommandFailed(`${option} must be one of ${all.join(', ')}, not ${text}.`);
  return found;
}

function time(text: string, option: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new CommandFailed(
      `${option} must be a time such as 2026-01-31 or 2026-01-31T12:00:00Z, not ${text}.`,
    );
  }
  return ms;
}

function endOf(text: string): number {
  const begin = time(text, '--to');
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? begin + 24 * 60 * 60_000 - 1 : begin;
}

import type { Log } from '../log.ts';
import type { EventActor, Events, NewEvent } from './events.ts';

/** What is known of a request by itself. */
type Request = { ip: string; state: { requestId?: unknown }; get(header: string): string };

/** Events of people at the pages of sign-in and of their own account, with where they are. */
export type PeopleEvents = {
  /** Never throws: what people do does not fail because it cannot be noted. */
  note(
    request: Request,
    event: Omit<NewEvent, 'address' | 'browser' | 'requestId' | 'outcome'> &
      Partial<Pick<NewEvent, 'outcome'>>,
  ): Promise<void>;
};

/** @param parts.labelBrowser a short name for a browser, from its User-Agent */
export function createPeopleEvents(parts: {
  events: Events;
  labelBrowser(userAgent: string): string;
  log: Log;
}): PeopleEvents {
  const { events, labelBrowser, log } = parts;
  return {
    async note(request, event) {
      try {
        await events.note({
          outcome: 'success',
          ...event,
          address: request.ip,
          browser: labelBrowser(request.get('user-agent')),
          requestId: String(request.state.requestId ?? ''),
        });
      } catch (error) {
        log.error({ err: error, kind: event.kind }, 'an event was not recorded');
      }
    },
  };
}

/** Somebody who has proved who they are. */
export function person(account: { id: string; email: string }): EventActor {
  return { kind: 'account', id: account.id, name: account.email };
}

/** The account that something happens to. */
export function accountTarget(account: { id: string; email: string }) {
  return { kind: 'account', id: account.id, name: account.email } as const;
}

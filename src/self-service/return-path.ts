import { nowMs } from '../clock.ts';

/** Seals texts for one purpose and record; what cannot be opened throws. */
export type Sealer = {
  seal(purpose: string, recordId: string, plain: string): string;
  open(purpose: string, recordId: string, sealed: string): string;
};

/** Where a sign-in comes back to: carried as its `state`, sealed, so that nobody else can choose the place. */
export type ReturnPath = {
  seal(path: string): string;
  /** The page to go on to; the overview when the state is none of ours or too old. */
  open(state: string | undefined): string;
};

const purpose = 'account-return';
const lifetimeMs = 60 * 60_000;
const ownPath = /^\/account(?:[/?][\w./?=&%:~-]*)?$/;

export function createReturnPath(sealer: Sealer): ReturnPath {
  return {
    seal: (path) => sealer.seal(purpose, '', JSON.stringify({ path, until: nowMs() + lifetimeMs })),
    open(state) {
      try {
        const { path, until } = JSON.parse(sealer.open(purpose, '', state ?? '')) as {
          path: string;
          until: number;
        };
        return until > nowMs() && ownPath.test(path) ? path : '/account';
      } catch {
        // It came by way of a browser, which may have brought anything.
        return '/account';
      }
    },
  };
}

import { nowMs } from '../clock.ts';

/** Seals texts for one purpose and record; what cannot be opened throws. */
export type Sealer = {
  seal(purpose: string, recordId: string, plain: string): string;
  open(purpose: string, recordId: string, sealed: string): string;
};

/** Where a sign-in comes back to: carried as its `state`, sealed, so that nobody else can choose the place. */
export type ReturnPath = {
  seal(path: string): string;
  /** The page to go on to; the first page when the state is none of ours or too old. */
  open(state: string | undefined): string;
};

const lifetimeMs = 60 * 60_000;

/** @param options.home the first page, below which all the others are */
export function createReturnPath(sealer: Sealer, options: { purpose: string; home: string }): ReturnPath {
  const { purpose, home } = options;
  const ownPath = new RegExp(`^${RegExp.escape(home)}(?:[/?][\\w./?=&%:~+-]*)?$`);
  return {
    seal: (path) => sealer.seal(purpose, '', JSON.stringify({ path, until: nowMs() + lifetimeMs })),
    open(state) {
      try {
        const { path, until } = JSON.parse(sealer.open(purpose, '', state ?? '')) as {
          path: string;
          until: number;
        };
        return until > nowMs() && ownPath.test(path) ? path : home;
      } catch {
        // It came by way of a browser, which may have brought anything.
        return home;
      }
    },
  };
}

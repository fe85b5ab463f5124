/** One line of the doctor. */
export type Finding = {
  /** What was looked at, such as "Redis: eviction". */
  check: string;
  /** warning: works, and may bite later; fault: does not work, or loses something. */
  state: 'ok' | 'warning' | 'fault';
  /** What was found, and what it means. */
  says: string;
  /** What to do about it. */
  todo?: string;
};

/** Makes the findings of one check. */
export function about(check: string) {
  return {
    ok: (says: string): Finding => ({ check, state: 'ok', says }),
    warning: (says: string, todo: string): Finding => ({ check, state: 'warning', says, todo }),
    fault: (says: string, todo: string): Finding => ({ check, state: 'fault', says, todo }),
  };
}

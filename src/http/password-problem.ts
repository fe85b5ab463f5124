import type { FormProblem } from './views.ts';

/** A password that accounts/new-password.ts has refused. */
export type RefusedPassword =
  | { problem: 'password-too-short'; minimumLength: number }
  | { problem: 'password-too-long'; maximumLength: number }
  | { problem: 'password-weak'; reason: FormProblem['code'] };

/** What the form says of it. */
export function passwordProblem(refused: RefusedPassword): FormProblem {
  switch (refused.problem) {
    case 'password-too-short':
      return { code: refused.problem, limit: refused.minimumLength };
    case 'password-too-long':
      return { code: refused.problem, limit: refused.maximumLength };
    case 'password-weak':
      return { code: refused.reason };
  }
}

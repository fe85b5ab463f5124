/** Owns what the home page shows: records and claims turned into words and rows. No HTTP, no HTML. */
import { decodeJwt } from 'jose';
import { fingerprint, type Session, type Step } from './records.ts';
import type { Trail } from './trail.ts';

/** A moment for a `<time>` element: its machine form, and words that are right without a script (UTC). */
export type Moment = { iso: string; clock: string; full: string };

export type Fact = { name: string; value: string; moment?: Moment };

export type StepRow = Omit<Step, 'at'> & { at: Moment; answer: string; ok: boolean };

export type TrailRow = Trail['events'][number] & { moment: Moment };

/** The trail as the page shows it; `reachable` is false when the proxy gave no report. */
export type TrailView = { reachable: boolean; pods: Trail['pods']; kills: number; rows: TrailRow[] };

export type SignedInView = {
  csrf: string;
  name: string;
  email: string | null;
  emailVerified: boolean;
  facts: Fact[];
  tokens: Fact[];
  accessTokenExpiresAt: Moment | null;
  accessTokenExpired: boolean;
  mayRefresh: boolean;
  steps: StepRow[];
  idToken: string | null;
  claims: Fact[];
  userInfo: Fact[];
  lastCall: { at: Moment; status: number; ok: boolean; answer: string; token: Fact[] } | null;
};

export function momentOf(milliseconds: number): Moment {
  const iso = new Date(milliseconds).toISOString();
  const clock = `${iso.slice(11, 19)} UTC`;
  return { iso, clock, full: `${iso.slice(0, 10)} ${clock}` };
}

export function viewTrail(trail: Trail | undefined): TrailView {
  return {
    reachable: trail !== undefined,
    pods: trail?.pods ?? [],
    kills: trail?.kills ?? 0,
    rows: (trail?.events ?? []).map((event) => ({ ...event, moment: momentOf(Date.parse(event.at)) })),
  };
}

/** `keptIn` says where the session is, for people. */
export function viewSession(session: Session, keptIn: string): SignedInView {
  const claims: Record<string, unknown> = session.idToken === undefined ? {} : decodeJwt(session.idToken);
  const about = { ...claims, ...session.userInfo };
  const expiresAt = session.accessTokenExpiresAt;

  return {
    csrf: session.csrf,
    name: text(about.name) ?? text(about.preferred_username) ?? text(about.email) ?? session.subject,
    email: text(about.email) ?? null,
    emailVerified: about.email_verified === true,
    facts: [
      { name: 'Account', value: session.subject },
      momentFact('Signed in here', session.signedInAt),
      ...(typeof claims.auth_time === 'number'
        ? [momentFact('Proved who you are', claims.auth_time * 1_000)]
        : []),
      { name: 'Session', value: keptIn },
    ],
    tokens: [
      { name: 'Access token', value: session.accessTokenFingerprint },
      { name: 'Refresh token', value: session.refreshToken ? fingerprint(session.refreshToken) : 'none' },
      { name: 'Scope', value: session.scope ?? 'not stated' },
    ],
    accessTokenExpiresAt: expiresAt === undefined ? null : momentOf(expiresAt),
    accessTokenExpired: expiresAt !== undefined && expiresAt <= Date.now(),
    mayRefresh: session.refreshToken !== undefined,
    steps: session.steps.map(viewStep).reverse(),
    idToken: session.idToken ?? null,
    claims: factsOf(claims),
    userInfo: factsOf(session.userInfo ?? {}),
    lastCall: session.lastCall === undefined ? null : viewCall(session.lastCall),
  };
}

function viewStep(step: Step): StepRow {
  return {
    ...step,
    at: momentOf(step.at),
    answer: step.status === 0 ? 'no answer' : String(step.status),
    ok: step.status >= 200 && step.status < 300,
  };
}

function viewCall({ at, status, answer, token }: NonNullable<Session['lastCall']>): SignedInView['lastCall'] {
  const facts = token && [
    { name: 'Kind', value: `${token.typ || 'JWT'}, signed with ${token.alg}` },
    { name: 'For', value: token.audience },
    { name: 'Scope', value: token.scope },
    momentFact('Expires', token.expiresAt),
  ];
  return { at: momentOf(at), status, ok: status === 200, answer: prettyJson(answer), token: facts ?? [] };
}

const timeClaims = new Set(['auth_time', 'exp', 'iat', 'nbf', 'updated_at']);

function factsOf(claims: Record<string, unknown>): Fact[] {
  return Object.entries(claims).map(([name, value]) =>
    timeClaims.has(name) && typeof value === 'number' && Math.abs(value) < 1e11
      ? { ...momentFact(name, value * 1_000), value: String(value) }
      : { name, value: typeof value === 'string' ? value : JSON.stringify(value) },
  );
}

function momentFact(name: string, milliseconds: number): Fact {
  const moment = momentOf(milliseconds);
  return { name, value: moment.iso, moment };
}

function prettyJson(answer: string): string {
  try {
    return JSON.stringify(JSON.parse(answer), null, 2);
  } catch {
    return answer;
  }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

/** Owns the texts for what did not go as wanted, and for what did. Each says what happened and what to do. */
import type { Failure, Problem } from './failure.ts';

/** A page with one thing to say. `actions` are links; the first one is the main one. */
export type Message = {
  status: number;
  title: string;
  text: string;
  actions: { label: string; href: string }[];
  /** A name of the problem for whoever looks after the service. */
  code?: string;
};

const signInAgain = { label: 'Sign in again', href: '/login' };
const tryAgain = { label: 'Try again', href: '/login' };
const home = { label: 'Back to Harbour Notes', href: '/' };

const signInMessages: Record<Problem, Message> = {
  unreachable: {
    status: 503,
    title: 'Holdfast cannot be reached just now',
    text: 'We asked several times and got no answer. Nothing is lost: wait a few seconds and try again. If you have already typed your password, you will most likely not need it a second time.',
    actions: [tryAgain, home],
  },
  denied: {
    status: 403,
    title: 'You did not let Harbour Notes in',
    text: 'Sign-in was cancelled at Holdfast, so we know nothing about you. If that was a slip, start again.',
    actions: [signInAgain, home],
  },
  'needs interaction': {
    status: 200,
    title: 'You are not signed in at Holdfast',
    text: 'We asked in the background, without showing you a page, and Holdfast would need you to do something first, such as signing in.',
    actions: [{ label: 'Sign in with Holdfast', href: '/login' }, home],
  },
  'provider trouble': {
    status: 503,
    title: 'Holdfast could not finish the sign-in',
    text: 'Something went wrong on its side, and it told us to try later. Wait a few seconds and try again.',
    actions: [tryAgain, home],
  },
  ended: {
    status: 400,
    title: 'This sign-in took too long or was already used',
    text: 'The link from Holdfast to us works once and only for a short time. Start again; you will most likely not need your password.',
    actions: [signInAgain, home],
  },
  misconfigured: {
    status: 502,
    title: 'Holdfast does not accept our request',
    text: 'Harbour Notes and Holdfast do not agree about how this application is set up. You cannot mend this yourself; please tell whoever runs the application.',
    actions: [tryAgain, home],
  },
  untrusted: {
    status: 502,
    title: 'We did not trust the answer',
    text: 'The answer that came back does not fit the sign-in that you started, so we stopped. Start again. If it happens again, please tell whoever runs the application.',
    actions: [tryAgain, home],
  },
};

/** Why a sign-in did not come to an end. */
export function signInMessage({ problem, code }: Failure): Message {
  return { ...signInMessages[problem], code };
}

/** Why the tokens of someone who is signed in could not be renewed. They stay signed in. */
export function renewMessage({ problem, code }: Failure): Message {
  const actions = [home, { label: 'Sign in again', href: '/login' }];
  const still = 'You are still signed in here.';
  if (problem === 'unreachable' || problem === 'provider trouble') {
    const text = `We asked several times and got no answer. ${still} Wait a few seconds and try again.`;
    return { status: 503, title: 'Holdfast cannot be reached just now', text, actions, code };
  }
  const text = `${still} Signing in again will most likely help. If it does not, please tell whoever runs the application.`;
  return { status: 502, title: 'Holdfast did not renew your tokens', text, actions, code };
}

export const loginExpired: Message = {
  status: 400,
  title: 'This sign-in has expired',
  text: 'It was started too long ago, in another browser, or with cookies switched off. Start again from here.',
  actions: [signInAgain, home],
};

export const sessionEnded: Message = {
  status: 200,
  title: 'Your sign-in has ended',
  text: 'Holdfast no longer accepts it: you may have signed out in another place, or your access was taken back. We have forgotten it here too.',
  actions: [signInAgain, home],
};

export const signedOut: Message = {
  status: 200,
  title: 'You are signed out',
  text: 'Holdfast has ended your sign-in, and Harbour Notes has forgotten it.',
  actions: [{ label: 'Sign in with Holdfast', href: '/login' }, home],
};

export const signedOutHereOnly: Message = {
  status: 503,
  title: 'You are signed out here, but not yet at Holdfast',
  text: 'Harbour Notes has forgotten you. Holdfast cannot be reached just now, so you may still be signed in there. Wait a few seconds, sign in again (it takes one click) and sign out once more.',
  actions: [{ label: 'Sign in with Holdfast', href: '/login' }, home],
};

export const formRefused: Message = {
  status: 403,
  title: 'Please press that button again',
  text: 'The page was too old, or the request did not come from it. Nothing was changed.',
  actions: [home],
};

export const notSignedIn: Message = {
  status: 401,
  title: 'You are not signed in',
  text: 'Your sign-in here has ended, perhaps in another tab. Nothing was changed.',
  actions: [{ label: 'Sign in with Holdfast', href: '/login' }, home],
};

export const storeUnreachable: Message = {
  status: 503,
  title: 'Harbour Notes cannot look up your sign-in',
  text: 'The place where we keep it does not answer just now. Nothing is lost: wait a few seconds and try again.',
  actions: [home],
};

export const notFound: Message = {
  status: 404,
  title: 'There is no such page',
  text: 'The address may be mistyped, or the page has moved.',
  actions: [home],
};

export const wrongMethod: Message = {
  status: 405,
  title: 'This address does not work that way',
  text: 'It belongs to a button of ours and cannot be opened by itself.',
  actions: [home],
};

export const badRequest: Message = {
  status: 400,
  title: 'We could not read that request',
  text: 'Something in the address is not what we expect.',
  actions: [home],
};

/** A bug of ours. The reference is in the log next to its cause. */
export function unexpected(reference: string): Message {
  return {
    status: 500,
    title: 'Something went wrong on our side',
    text: 'This should not have happened. You can go back and try again; if it stays, please tell whoever runs the application and name the code below.',
    actions: [home],
    code: reference,
  };
}

/** Short news at the top of the home page, by the name in its address. */
export const notices = new Map<string, string>([
  ['signed-in', 'You are signed in.'],
  ['checked', 'Holdfast confirmed that you are still signed in, without showing a page.'],
  [
    'not-at-provider',
    'Holdfast has no sign-in for this browser. You are still signed in here until you sign out here.',
  ],
  ['refreshed', 'Your tokens are new.'],
  ['refreshed-elsewhere', 'Another tab had just renewed your tokens. You have the new ones here too.'],
  ['called', 'The API has answered; see below.'],
  ['forgotten', 'Harbour Notes has forgotten you. You may still be signed in at Holdfast.'],
]);

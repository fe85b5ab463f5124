import type { Context } from 'koa';
import type { SignInLimits } from '../accounts/sign-in-limits.ts';
import type { PeopleEvents } from '../events/events.ts';
import type { Csrf } from '../http/csrf.ts';
import type { Reply } from '../http/route.ts';
import type { FinishOutcome } from '../upstream/upstream.ts';
import type { OpenInteraction } from './open-interaction.ts';
import type { SignIn, SignInParts } from './sign-in.ts';
import type { SignInPageParts, SignInPages } from './sign-in-pages.ts';

/** What the routes of a sign-in's steps are made of. */
export type StepParts = SignInParts &
  SignInPageParts & {
    signIn: SignIn;
    pages: SignInPages;
    limits: SignInLimits;
    csrf: Csrf;
    open: OpenInteraction;
    people: PeopleEvents;
    /** Takes the answer of another provider whose account somebody who is signed in wants to link. */
    finishLinking?(ctx: Context, outcome: FinishOutcome): Promise<Reply>;
  };

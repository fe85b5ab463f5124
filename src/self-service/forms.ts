import { z } from 'zod';
import { accountDone, accountProblems } from '../http/account-views.ts';

/** What the forms and addresses of several pages have in common. */

export const csrfField = z.string().max(256).default('');
export const csrfForm = z.strictObject({ csrf: csrfField });

/** What a page is told by a redirect to it; a word that is not known says nothing. */
export const saysQuery = z.object({
  done: z.enum(accountDone).optional().catch(undefined),
  problem: z.enum(accountProblems).optional().catch(undefined),
});

/** An id of anything in a form or an address. */
export const idField = z.string().min(1).max(128);

/** A name that somebody gives a factor; longer ones are cut. */
export const nameField = z.string().max(500).default('');

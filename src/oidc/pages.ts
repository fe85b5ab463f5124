import type { Context } from 'koa';
import type { Refusal } from '../errors.ts';

/** A client as a page names it. */
export type ClientSummary = {
  name: string;
  host: string;
  uri?: string;
  logoUri?: string;
  policyUri?: string;
  tosUri?: string;
};

/**
 * The pages that the engine shows by itself. `app.ts` gives them, since this module knows nothing of views.
 * Each sets the body of the answer. `goesOnTo` are the origins that the form's answer may redirect to: browsers
 * hold redirects after a form against the page's form-action too.
 */
export type EnginePages = {
  logout(
    ctx: Context,
    data: { action: string; xsrf: string; client?: ClientSummary; accountId?: string; goesOnTo: string[] },
  ): void | Promise<void>;
  signedOut(ctx: Context, data: { client?: ClientSummary; stillSignedIn: boolean }): void;
  error(ctx: Context, refusal: Refusal): void;
  /** A form that goes on to `action`; by script at once where there is one. */
  continue(
    ctx: Context,
    data: {
      action: string;
      fields: Record<string, string>;
      message: 'logout' | 'form-post';
      goesOnTo: string[];
    },
  ): void;
  deviceCode(
    ctx: Context,
    data: {
      action: string;
      xsrf: string;
      userCode?: string;
      problem?: 'not-found' | 'expired' | 'missing';
    },
  ): void;
  deviceConfirm(
    ctx: Context,
    data: {
      action: string;
      xsrf: string;
      userCode: string;
      client: ClientSummary;
      deviceAddress?: string;
      deviceAgent?: string;
      scopes: string[];
    },
  ): void;
  deviceDone(ctx: Context, data: { client: ClientSummary; approved: boolean }): void;
};

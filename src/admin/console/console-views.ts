import type { Permission } from '../../access/access.ts';
import type { SectionId } from './sections.ts';

/**
 * What every page of the console has, and the pages that are used by all parts of it. The data of the other pages
 * stands beside their routes (`*-views.ts`), and each of those files adds its pages to `Views`; so a page may take
 * what the flows give as it is, without http/ knowing it.
 */
export type ConsolePage = {
  frame: { path: string; timeZone?: string };
  /** Goes with each form, as `csrf`. */
  csrfToken: string;
  console: {
    /** Of this provider, such as id.example.com. */
    host: string;
    section: SectionId | undefined;
    person: { id: string; email: string; name?: string };
    /** What this person may do: for what a page offers. It is checked again by the route. */
    may: Permission[];
    /** What is in the search field. */
    search: string;
  };
  says: Says;
};

/** What a page says above everything else. */
export type Says = {
  /** A word with a text `admin.done.<word>`; with `count` where it has plurals. */
  done?: string;
  count?: number;
  /** A text for people. */
  problem?: string;
  faults?: { path: string; message: string }[];
};

/** The data of a page beside what every page has. */
export type ConsoleData<P> = Omit<P, keyof ConsolePage>;

export type Crumb = { label: string; href: string };

type ConsoleViews = {
  /** Is asked before something ends. Posts `csrf` and `fields` to `action`. */
  'admin-confirm': ConsolePage & {
    title: string;
    crumbs: Crumb[];
    /** What will happen, in a sentence. */
    lead: string;
    /** What ends with it, in numbers; each a line. */
    ends: string[];
    /** What stays, or how it can be undone. */
    stays: string[];
    action: string;
    fields: Record<string, string>;
    submit: string;
    isDangerous: boolean;
    back: string;
    /** The person types this to show that they mean it, as `typed`. */
    typed?: { label: string; value: string };
  };
  /** Instead of a page that cannot be shown. */
  'admin-message': ConsolePage & {
    title: string;
    text: string;
    links: Crumb[];
  };
  /** For somebody with a role that lacks what the page needs. */
  'admin-no-permission': ConsolePage & {
    permission: string;
    /** Names of roles that have it. */
    roles: string[];
    /** Addresses of owners, who can give them. */
    owners: string[];
  };
  'admin-search': ConsolePage & {
    accounts: { id: string; name: string; email: string }[];
    clients: { id: string; name: string }[];
    pages: Crumb[];
  };
};

/** Shown in the frame of the sign-in pages. */
type OutsideViews = {
  'admin-closed': {
    frame: { path: string };
    kind: 'not-signed-in' | 'no-role' | 'claim-gone' | 'claim-needed';
    email?: string;
    issuer: string;
  };
  /** Posts `csrf` and `token` to /admin/owner. */
  'admin-owner': {
    frame: { path: string };
    csrfToken: string;
    token: string;
    email: string;
    name?: string;
    problem?: string;
  };
};

declare module '../../http/views.ts' {
  interface Views extends ConsoleViews, OutsideViews {}
}

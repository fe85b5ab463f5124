import { expect } from 'chai';
import { keptAs } from '../../src/backup/what-is-kept.ts';
import { createKeys } from '../../src/redis/keys.ts';

describe('what a backup keeps', () => {
  const keys = createKeys('');

  it('is said of every key that there is', () => {
    const wanted: Record<keyof typeof keys, string | undefined> = {
      grant: undefined,
      ofGrant: undefined,
      session: undefined,
      interaction: undefined,
      pushedRequest: undefined,
      proof: undefined,
      userCode: undefined,
      client: 'client',
      clientList: undefined,
      clientWords: undefined,
      era: 'plain',
      sessionsOf: undefined,
      sessionsOfClient: undefined,
      account: 'account',
      accountFactors: 'of-account',
      accountOnce: 'spent',
      accountBrowsers: undefined,
      accountSignedIn: undefined,
      accountUpstreams: 'of-account',
      accountActivity: 'of-account',
      email: 'plain',
      link: undefined,
      upstreamAccount: 'plain',
      upstreamSignIn: undefined,
      limit: 'limit',
      outbox: undefined,
      mail: undefined,
      mailsGivenUp: undefined,
      mailsShown: undefined,
      audit: 'trail',
      auditChain: 'trail',
      auditAnchor: 'trail',
      auditBegun: 'trail',
      auditHeadTold: undefined,
      auditRoom: undefined,
      auditActorRoom: undefined,
      auditIndex: 'audit',
      auditLast: 'audit',
      auditActs: 'audit',
      auditIntended: 'audit',
      auditNotKept: 'audit',
      auditHours: 'audit',
      auditClients: 'audit',
      once: undefined,
      accountsLeaving: 'plain',
      accountList: undefined,
      accountIndex: undefined,
      accountOwners: undefined,
      accountsChanging: undefined,
      accountChanging: undefined,
      accountsIndexed: undefined,
      accountsIndexing: undefined,
      access: 'plain',
      accessDefinitions: 'plain',
      resources: 'plain',
      resourceDefinitions: 'plain',
      removedDefinitions: 'plain',
      keyRing: 'ring',
      schema: undefined,
      doctor: undefined,
      pods: undefined,
      declared: 'plain',
      settings: 'plain',
      answer: undefined,
      ended: undefined,
    };
    expect(Object.keys(wanted)).to.have.members(Object.keys(keys));
    const names: Partial<Record<keyof typeof keys, string>> = {
      accessDefinitions: keys.accessDefinitions('roles'),
      removedDefinitions: keys.removedDefinitions(keys.accessDefinitions('groups')),
      sessionsOf: keys.sessionsOf(3),
      sessionsOfClient: keys.sessionsOfClient(3, 'web'),
      audit: keys.audit('admin'),
      auditChain: keys.auditChain('people'),
      auditAnchor: keys.auditAnchor('admin'),
      auditBegun: keys.auditBegun('admin'),
      auditHeadTold: keys.auditHeadTold('admin'),
      auditRoom: keys.auditRoom('admin'),
      auditIndex: keys.auditIndex('admin', 'hash'),
      answer: keys.answer(keys.ofGrant('tag', 'hash')),
      ended: keys.ended(keys.session('uid')),
    };
    for (const [made, as] of Object.entries(wanted)) {
      const maker = keys[made as keyof typeof keys] as (...args: string[]) => string;
      const name = names[made as keyof typeof keys] ?? maker('x1', 'y2');
      expect(keptAs(name), `${made}: ${name}`).to.equal(as);
    }
  });

  it('has what a later version puts beside it', () => {
    expect(keptAs('{something-new}:of-it')).to.equal('plain');
  });
});

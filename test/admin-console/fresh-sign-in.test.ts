import { expect } from 'chai';
import { type ConsoleParts, consoleTable, type Gate } from '../../src/admin/console/console.ts';
import { startPodAhead } from '../oidc/odd-pods.ts';
import { at, formTo, noticeOf } from '../self-service/console-fixture.ts';
import type { Pod } from '../support/pods.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';

/** Whoever has one of these can make what stays when an old session that they found open is ended. */
const lasting: Gate[] = [
  'accounts:assign-roles',
  'accounts:credentials',
  'accounts:create',
  'accounts:update',
  'accounts:delete',
  'roles:write',
  'groups:write',
  'resources:write',
  'clients:write',
  'clients:secrets',
  'clients:delete',
  'keys:rotate',
  'keys:revoke',
  'settings:write',
];

/** Path → why an old sign-in will do all the same. */
const exceptions: Record<string, string> = {
  '/admin/clients/:id/disable': 'It only takes away, and may have to be quick.',
};

describe('sensitive acts in the console', () => {
  it('are all those that make something lasting, but for some with a reason', () => {
    const forms = consoleTable({} as ConsoleParts).filter(({ method }) => method === 'POST');
    const ofOthers = forms.filter(({ permission }) => lasting.includes(permission));
    const left = ofOthers.filter(({ isSensitive }) => !isSensitive).map(({ path }) => path);
    expect(left).to.have.members(Object.keys(exceptions));
    expect(forms.filter(({ isSensitive }) => isSensitive).map(({ path }) => path)).to.include.members([
      '/admin/accounts/new',
      '/admin/accounts/:id/edit',
      '/admin/accounts/:id/enable',
      '/admin/accounts/bulk/add-to-group',
      '/admin/groups/new',
      '/admin/groups/:id/edit',
      '/admin/clients/:id/edit/redirects',
      '/admin/sessions/end-all',
    ]);
    // The question, or the empty form, too: nobody fills in what is then thrown away.
    for (const { path, isSensitive } of forms) {
      const page = consoleTable({} as ConsoleParts).find((one) => one.method === 'GET' && one.path === path);
      if (page) expect(page.isSensitive, path).to.equal(isSensitive);
    }
  });
});

describe('an old sign-in in the console', () => {
  let provider: ConsoleProvider;
  /** Past the ten minutes for which a sign-in is fresh. */
  let late: Pod;
  let owner: Administrator;
  let target: Administrator;

  before(async () => {
    provider = await startConsole(1);
    late = await startPodAhead(provider, provider.redisUrl, 10 * 60 + 5);
    owner = await provider.addPerson('odile', { roles: ['owner'] });
    target = await provider.addPerson('target');
    await owner.open('/admin');
  });
  after(async () => {
    await late?.kill('SIGKILL');
    await provider?.stop();
  });

  const ask = (path: string, form?: Record<string, string>) =>
    at(late.url, provider.issuer, owner, path, form);

  it('has to be repeated for a sensitive act, by the very person, and comes back to the page', async () => {
    const sensitive = consoleTable({} as ConsoleParts).filter(({ isSensitive }) => isSensitive);
    expect(sensitive.map(({ path }) => path)).to.include.members([
      '/admin/accounts/:id/delete',
      '/admin/accounts/:id/access',
      '/admin/accounts/:id/password',
      '/admin/accounts/:id/reset-factors',
    ]);
    for (const { method, path } of sensitive) {
      const address = path.replaceAll(/:\w+/g, 'nothing-such');
      const reply = await ask(address, method === 'POST' ? {} : undefined);
      expect(reply.status, path).to.equal(303);
      const query = new URL(reply.location ?? '', provider.issuer).searchParams;
      expect(query.get('client_id')).to.equal('holdfast-admin');
      expect(Number(query.get('max_age')), path).to.be.within(1, 600);
      expect(query.get('login_hint')).to.equal(owner.email);
    }
  });

  it('will do for what only shows something', async () => {
    for (const path of ['/admin', '/admin/accounts', `/admin/accounts/${target.id}`, '/admin/audit']) {
      expect((await ask(path)).status, path).to.equal(200);
    }
  });

  it('that has become old while a form was open does nothing, and the page says so', async () => {
    const path = `/admin/accounts/${target.id}/reset-factors`;
    const { fields } = formTo((await owner.open(path)).body, path);
    const reply = await ask(path, fields);
    expect(reply.location).to.match(/^\/auth\?/);
    expect(await provider.parts.factors.list(target.id)).to.have.lengthOf(1);
    expect(noticeOf(await owner.open(`${path}?again=yes`))).to.include('nothing has been changed yet');
  });
});

import { expect } from 'chai';
import { type ConsoleParts, consoleTable } from '../../src/admin/console/console.ts';
import { startPodAhead } from '../oidc/odd-pods.ts';
import { at, formTo, noticeOf } from '../self-service/console-fixture.ts';
import type { Pod } from '../support/pods.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';

describe('sensitive acts in the console', () => {
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

  it('want a sign-in of the last ten minutes, of the very person, and come back to the page', async () => {
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

  it('leave what only shows something as it is', async () => {
    for (const path of ['/admin', '/admin/accounts', `/admin/accounts/${target.id}`, '/admin/audit']) {
      expect((await ask(path)).status, path).to.equal(200);
    }
  });

  it('do nothing when the sign-in has grown old meanwhile, and say so on the page', async () => {
    const path = `/admin/accounts/${target.id}/reset-factors`;
    const { fields } = formTo((await owner.open(path)).body, path);
    const reply = await ask(path, fields);
    expect(reply.location).to.match(/^\/auth\?/);
    expect(await provider.parts.factors.list(target.id)).to.have.lengthOf(1);
    expect(noticeOf(await owner.open(`${path}?again=yes`))).to.include('nothing has been changed yet');
  });
});

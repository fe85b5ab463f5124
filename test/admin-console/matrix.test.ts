import { expect } from 'chai';
import { builtInRoles, isPermission, type Permission } from '../../src/access/access.ts';
import { type ConsoleParts, type ConsoleRoute, consoleTable } from '../../src/admin/console/console.ts';
import { type Reply, send } from '../support/person.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';

/** Every route of the console, with every role, from the console's own table. */
describe('who may open what in the console', () => {
  // Making the table asks nothing of the parts.
  const table = consoleTable({} as ConsoleParts);
  const roles = { ...builtInRoles, nobody: { permissions: [] as Permission[] } };
  let provider: ConsoleProvider;
  const people = new Map<string, Administrator>();

  before(async () => {
    provider = await startConsole(1);
    for (const role of Object.keys(roles)) {
      const person = await provider.addPerson(role, { roles: role in builtInRoles ? [role] : [] });
      people.set(role, person);
      await person.open('/admin');
    }
  });
  after(() => provider?.stop());

  const addressOf = ({ path }: ConsoleRoute) => path.replace(/:\w+/g, 'nothing-such');

  function ask(person: Administrator, one: ConsoleRoute): Promise<Reply> {
    return person.person.request(addressOf(one), one.method === 'POST' ? { form: {} } : {});
  }

  it('names a permission for every route, and each address once', () => {
    expect(table.length).to.be.greaterThan(30);
    for (const { permission, path } of table) {
      expect(isPermission(permission) || ['any', 'signed-in'].includes(permission), path).to.equal(true);
    }
    const names = table.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(names).size).to.equal(names.length);
  });

  it('asks more than being signed in of all but the page that makes owners', () => {
    const open = table.filter(({ permission }) => permission === 'signed-in').map(({ path }) => path);
    expect([...new Set(open)]).to.deep.equal(['/admin/owner']);
    const any = table.filter(({ permission }) => permission === 'any').map(({ method }) => method);
    expect(any).to.not.include('POST');
  });

  for (const [role, { permissions }] of Object.entries(roles)) {
    it(`lets ${role} open what the role has, and nothing else`, async () => {
      const person = people.get(role);
      if (!person) throw new Error(`nobody is ${role}`);
      for (const one of table) {
        const { method, path, permission } = one;
        const mayOpen =
          permission === 'signed-in' ||
          (permission === 'any'
            ? permissions.length > 0
            : (permissions as readonly Permission[]).includes(permission));
        const reply = await ask(person, one);
        const sentence = `${role}: ${method} ${path} answered ${reply.status}`;
        const isRefused = reply.status === 403 && /data-refused/.test(reply.body);
        expect(isRefused, sentence).to.equal(!mayOpen);
        expect(reply.status, sentence).to.be.lessThan(500);
        // A form without the token of its session is no form, whoever may.
        if (mayOpen && method === 'POST') expect(reply.status, sentence).to.equal(400);
        if (!mayOpen && permissions.length > 0) expect(reply.body, sentence).to.include(permission);
        // Where it leads back to is an address, not the form of one.
        expect(reply.body, sentence).to.not.match(/"\/admin[^"]*\/:\w/);
      }
    });
  }

  it('leads from a form that came too late to the page that it was on', async () => {
    const owner = people.get('owner');
    if (!owner) throw new Error('there is no owner');
    const pages = table.filter(({ method }) => method === 'GET').map(addressOf);
    for (const one of table.filter(({ method }) => method === 'POST')) {
      const { status, body } = await ask(owner, one);
      expect(status, one.path).to.equal(400);
      const [, back = ''] = /<a [^>]*href="([^"?]*)[^"]*"[^>]*>\s*Open the page again/.exec(body) ?? [];
      expect(pages, `${one.path} leads to ${back}`).to.include(back);
    }
  });

  it('lets nobody in who is not signed in', async () => {
    const stranger = await provider.addPerson('stranger');
    for (const one of table) {
      const reply = await ask(stranger, one);
      expect(reply.status, one.path).to.equal(303);
      const { pathname, searchParams } = new URL(reply.location ?? '', provider.issuer);
      expect(pathname, one.path).to.equal('/auth');
      expect(searchParams.get('client_id')).to.equal('holdfast-admin');
    }
  });

  it('refuses every form that comes from another site, before it is looked at', async () => {
    const owner = people.get('owner');
    if (!owner) throw new Error('there is no owner');
    const cookie = [...owner.person.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
    for (const { method, path } of table.filter((one) => one.method === 'POST')) {
      const reply = await send(new URL(path.replace(/:\w+/g, 'nothing-such'), provider.pods[0]?.url), {
        method,
        headers: {
          host: new URL(provider.issuer).host,
          cookie,
          origin: 'https://evil.example',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: '',
      });
      expect(reply.status, path).to.equal(403);
    }
  });
});

import { expect } from 'chai';
import { must, operator, password, person, trailOf, usePods } from '../admin/admin-fixture.ts';
import { holdfast } from './run-command.ts';

describe('administration on the command line', () => {
  const pods = usePods();

  /** Runs a command that must succeed. @returns what it prints for scripts */
  async function json(args: string[], input = ''): Promise<Record<string, unknown>> {
    const run = await holdfast(pods.redis.url, [...args, '--json'], { input });
    expect(run.code, `${args.join(' ')}\n${run.err}`).to.equal(0);
    return JSON.parse(run.out) as Record<string, unknown>;
  }

  const failing = (args: string[], input = '') => holdfast(pods.redis.url, args, { input });

  it('makes the first owner, also of who has an account, and keeps the last', async () => {
    const { admin } = pods.one;
    const made = await json(['owner', 'create', 'first@example.com', '--name', 'First'], `${password}\n`);
    expect(made).to.include({ email: 'first@example.com', created: true });
    const other = await person(pods.one, ['auditor'], { email: 'second@example.com' });
    expect(await json(['owner', 'create', other.email])).to.include({ id: other.id, created: false });
    expect(must(await admin.accounts.find(other.id)).roles).to.have.members(['auditor', 'owner']);
    await json(['owner', 'remove', 'first@example.com']);
    const last = await failing(['owner', 'remove', other.id]);
    expect(last.code).to.equal(1);
    expect(last.err).to.include('last owner');
  });

  it('prints a link that makes an owner', async () => {
    const { link } = await json(['owner', 'invite']);
    const url = new URL(String(link));
    expect(`${url.origin}${url.pathname}`).to.equal('https://id.example.com/admin/owner');
    const { id } = await person(pods.one);
    const from = { requestId: 'claim', address: '' };
    const token = url.searchParams.get('token') ?? '';
    const claimed = must(await pods.one.admin.accounts.claimOwnership(token, id, from));
    expect(claimed.roles).to.deep.equal(['owner']);
  });

  it('works with roles, groups, APIs and accounts', async () => {
    const { admin } = pods.one;
    await json([
      'role',
      'create',
      'desk',
      '--permission',
      'accounts:read',
      '--claim',
      'level=3',
      '--claim',
      'vip=true',
    ]);
    expect(must(await admin.roles.find('desk'))).to.deep.include({
      permissions: ['accounts:read'],
      claims: { level: 3, vip: true },
    });
    await json(['group', 'create', 'front', '--role', 'desk', '--name', 'Front']);
    const api = 'https://cli.example.com';
    await json([
      'resource',
      'create',
      api,
      '--scope',
      'orders:read=See orders',
      '--seconds',
      '120',
      '--roles',
    ]);
    expect(must(await admin.resources.find(api))).to.deep.include({
      scopes: [{ name: 'orders:read', description: 'See orders' }],
      accessTokenSeconds: 120,
      hasRoles: true,
    });
    const args = ['account', 'create', 'cli@example.com', '--role', 'auditor', '--group', 'front'];
    const { id } = await json([...args, '--given-name', 'Cli', '--must-change'], `${password}\n`);
    expect(must(await admin.accounts.find(String(id)))).to.deep.include({
      roles: ['auditor'],
      groups: ['front'],
      given_name: 'Cli',
      mustChangePassword: true,
    });
    await json([
      'account',
      'update',
      'cli@example.com',
      '--remove-role',
      'auditor',
      '--set',
      'given_name=',
      '--set',
      'name=C L I',
    ]);
    const shown = await json(['account', 'show', String(id)]);
    expect(shown.account).to.include({ email: 'cli@example.com', name: 'C L I' });
    expect(shown.account).to.not.have.any.keys('given_name', 'roles');
    expect(shown.permissions).to.deep.equal(['accounts:read']);
    const found = await json(['account', 'search', 'cli@']);
    expect(found.accounts).to.deep.equal([{ id, email: 'cli@example.com', status: 'active' }]);
    await json(['account', 'disable', 'cli@example.com']);
    const disabled = await json(['account', 'list', '--status', 'disabled']);
    expect(disabled.accounts).to.have.lengthOf(1);
    const unsure = await failing(['account', 'delete', 'cli@example.com']);
    expect(unsure.code).to.equal(1);
    expect(unsure.err).to.include('--yes');
    await json(['account', 'delete', 'cli@example.com', '--yes']);
    expect((await admin.accounts.find(String(id))).ok).to.equal(false);
  });

  it('says what is wrong, and how to mend it', async () => {
    const cases: [args: string[], says: string][] = [
      [['role', 'create', 'x', '--permission', 'everything'], 'no permission everything'],
      [['group', 'create', 'x', '--role', 'nowhere'], 'no role'],
      [['role', 'delete', 'owner'], 'part of the product'],
      [['resource', 'create', 'orders'], 'whole address'],
      [['session', 'end', 'nothing'], 'nothing'],
    ];
    const runs = await Promise.all(cases.map(([args]) => failing(args)));
    for (const [i, [args, says]] of cases.entries()) {
      const run = runs[i] ?? { code: 0, out: '', err: '' };
      expect(run.code, args.join(' ')).to.equal(1);
      expect(run.err + run.out, args.join(' '))
        .to.include(says)
        .and.not.include('    at ');
    }
  });

  it('acts as the operator, by the name of the system user', async () => {
    const { username } = await import('node:os').then(({ userInfo }) => userInfo());
    const events = await trailOf(pods.one);
    const created = events.find(({ kind, target }) => kind === 'role.created' && target?.id === 'desk');
    expect(created?.actor).to.deep.equal({ kind: 'operator', id: username, name: username });
    expect(created).to.include({ via: 'cli', outcome: 'success' });
    expect(JSON.stringify(events)).to.not.include(password);
    expect(operator().permissions.size).to.be.greaterThan(20);
  });
});

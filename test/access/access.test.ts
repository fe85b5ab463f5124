import { expect } from 'chai';
import { builtInRoles, outranks, permissions, type Writing } from '../../src/access/access.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccessFixture, group, openAccess, role, withinASecond } from './access-fixture.ts';

describe('roles and groups', () => {
  let redis: Topology;
  let pods: AccessFixture;
  let serial = 0;
  const newId = (word: string) => `${word}-${++serial}`;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    pods = await openAccess(redis.url);
  });
  after(async () => {
    await pods?.close();
    await redis?.stop();
  });

  /** Which fields were refused. */
  const paths = (writing: Writing<unknown>) =>
    !writing.ok && writing.problem === 'invalid' ? writing.faults.map(({ path }) => path) : [];

  async function made<T>(writing: Promise<Writing<T>>): Promise<T> {
    const outcome = await writing;
    if (!outcome.ok) throw new Error(JSON.stringify(outcome));
    return outcome.value;
  }

  it('are made, changed, listed and removed, with a version and times', async () => {
    const { roles } = pods.first.access;
    const id = newId('editor');
    const one = await made(roles.create(id, role({ claims: { desk: 'news' }, permissions: ['audit:read'] })));
    expect(one).to.deep.include({
      id,
      name: 'Editor',
      description: 'Writes the news',
      permissions: ['audit:read'],
      claims: { desk: 'news' },
      isBuiltIn: false,
      version: 1,
    });
    expect(Math.abs(one.createdAt - (await pods.first.store.nowMs()))).to.be.lessThan(60_000);
    const changed = await made(pods.second.access.roles.update(id, 1, { name: 'Chief editor' }));
    expect(changed).to.deep.include({ name: 'Chief editor', description: 'Writes the news', version: 2 });
    expect(changed.createdAt).to.equal(one.createdAt);
    expect(await roles.find(id)).to.deep.equal(changed);
    expect((await roles.list()).find((found) => found.id === id)).to.deep.equal(changed);
    expect(await made(roles.remove(id, 2))).to.deep.equal(changed);
    expect(await roles.find(id)).to.equal(undefined);
  });

  it('are seen by the other pod at once where it asks Redis, and within a second where it does not', async () => {
    const { first, second } = pods;
    const id = newId('seen');
    await made(first.access.roles.create(id, role({ permissions: ['keys:read'] })));
    const of = { roles: [id], groups: [] };
    expect(first.access.effective(of).roles).to.deep.equal([id]);
    expect((await second.access.effectiveNow(of)).roles).to.deep.equal([id]);
    expect(await second.access.roles.find(id)).to.include({ id });
    await withinASecond(() => second.access.effective(of).permissions.has('keys:read'));
    await made(first.access.roles.remove(id, undefined));
    expect((await second.access.effectiveNow(of)).permissions.size).to.equal(0);
    await withinASecond(() => second.access.effective(of).roles.length === 0);
  });

  it('never get an id again that was removed', async () => {
    for (const kept of [pods.first.access.roles, pods.first.access.groups]) {
      const id = newId('gone');
      const draft = { ...role(), ...group() };
      await made<unknown>(kept.create(id, draft));
      await made<unknown>(kept.remove(id, undefined));
      expect(await kept.create(id, draft)).to.deep.equal({ ok: false, problem: 'taken' });
      expect(await kept.update(id, undefined, {})).to.deep.equal({ ok: false, problem: 'not-found' });
      expect(await kept.remove(id, undefined)).to.deep.equal({ ok: false, problem: 'not-found' });
    }
  });

  it('leave the built-in roles as they are', async () => {
    const { roles } = pods.first.access;
    const all = await roles.list();
    for (const [id, { name, permissions: able }] of Object.entries(builtInRoles)) {
      expect(all.find((one) => one.id === id)).to.deep.include({ name, permissions: able, isBuiltIn: true });
      expect((await roles.find(id))?.description).not.to.equal('');
      expect(await roles.create(id, role())).to.deep.equal({ ok: false, problem: 'taken' });
      expect(await roles.update(id, undefined, { name: 'x' })).to.deep.equal({
        ok: false,
        problem: 'built-in',
      });
      expect(await roles.remove(id, undefined)).to.deep.equal({ ok: false, problem: 'built-in' });
    }
    const owner = await pods.second.access.effectiveNow({ roles: ['owner'], groups: [] });
    expect([...owner.permissions].sort()).to.deep.equal([...permissions].sort());
  });

  it('rank: nobody acts on more than they may themselves', () => {
    const of = (id: keyof typeof builtInRoles) => new Set(builtInRoles[id].permissions);
    expect(outranks(of('owner'), of('auditor'))).to.equal(true);
    expect(outranks(of('auditor'), of('owner'))).to.equal(false);
    expect(outranks(of('client-manager'), of('account-manager'))).to.equal(false);
    expect(outranks(of('auditor'), [])).to.equal(true);
  });

  it('need a version that still holds, where one is given', async () => {
    const { roles } = pods.first.access;
    const id = newId('versioned');
    await made(roles.create(id, role()));
    expect(await roles.update(id, 7, { name: 'x' })).to.deep.equal({ ok: false, problem: 'changed' });
    expect(await roles.remove(id, 7)).to.deep.equal({ ok: false, problem: 'changed' });
    expect((await roles.find(id))?.version).to.equal(1);
  });

  const twenty = <T>(work: (access: AccessFixture['first']['access'], index: number) => Promise<T>) =>
    Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        work((index % 2 === 0 ? pods.first : pods.second).access, index),
      ),
    );

  describe('of twenty at once from two pods', () => {
    it('one makes the role', async () => {
      const id = newId('race');
      const outcomes = await twenty(({ roles }, index) => roles.create(id, role({ name: `Name ${index}` })));
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      const [winner] = outcomes.flatMap((one) => (one.ok ? [one.value] : []));
      expect(await pods.second.access.roles.find(id)).to.deep.equal(winner);
    });

    it('one changes the version that all have seen', async () => {
      const id = newId('race');
      await made(pods.first.access.groups.create(id, group()));
      const outcomes = await twenty(({ groups }, index) => groups.update(id, 1, { name: `Name ${index}` }));
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect((await pods.first.access.groups.find(id))?.version).to.equal(2);
    });

    it('none undoes what another has changed, when none says which version it saw', async () => {
      const id = newId('race');
      await made(pods.first.access.roles.create(id, role()));
      const fields = [{ name: 'New name' }, { description: 'New description' }, { claims: { new: true } }];
      const outcomes = await twenty(({ roles }, index) =>
        roles.update(id, undefined, fields[index % fields.length] ?? {}),
      );
      expect(outcomes.every(({ ok }) => ok)).to.equal(true);
      expect(await pods.first.access.roles.find(id)).to.deep.include({
        name: 'New name',
        description: 'New description',
        claims: { new: true },
        version: 21,
      });
    });

    it('one takes the last place', async () => {
      const { store, access } = pods.first;
      const have = 5000 - 1 - (await access.groups.list()).length;
      const key = store.keys.accessDefinitions('groups');
      const filling = Array.from({ length: have }, (_, n) => [
        `fill-${n}`,
        `1 1 1 ${JSON.stringify(group())}`,
      ]);
      await store.call('HSET', key, ...filling.flat());
      const outcomes = await twenty(({ groups }, index) => groups.create(`last-${index}`, group()));
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(outcomes.filter((one) => !one.ok && one.problem === 'too-many')).to.have.lengthOf(19);
      await store.call('HDEL', key, ...filling.map(([id = '']) => id));
    });
  });

  describe('have room', () => {
    const { byteLength } = Buffer;
    const much = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`claim_${i}`, ['ü'.repeat(490)]]));

    it('for so many bytes each, and say which field is too large', async () => {
      const { roles, groups } = pods.first.access;
      for (const refused of [
        await roles.create(newId('large'), role({ claims: much(9) })),
        await groups.create(newId('large'), group({ claims: much(9) })),
      ]) {
        expect(paths(refused)).to.deep.equal(['claims']);
      }
      const many = Array.from({ length: 99 }, (_, i) => `${'r'.repeat(60)}${i}`);
      expect(
        paths(await groups.create(newId('large'), group({ roles: many, claims: much(2) }))),
      ).to.deep.equal(['roles']);
      await made(groups.create(newId('fits'), group({ claims: much(7) })));
    });

    it('for so many bytes of all together, of twenty at once from two pods', async () => {
      const { store, access } = pods.first;
      const key = store.keys.accessDefinitions('groups');
      const bytesOf = async () =>
        Object.values((await store.read(key)) ?? {}).reduce((sum, text) => sum + byteLength(text), 0);
      const most = 4 * 1024 * 1024;
      const filling = Array.from({ length: 500 }, (_, n) => [
        `fill-${n}`,
        `1 1 1 ${JSON.stringify(group({ claims: { text: ['x'.repeat(8000)] } }))}`,
      ]);
      await store.call('HSET', key, ...filling.flat());
      for (let n = 500; (await bytesOf()) < most - 12_000; n++) {
        const id = `fill-${n}`;
        filling.push([id]);
        await store.call(
          'HSET',
          key,
          id,
          `1 1 1 ${JSON.stringify(group({ claims: { text: 'x'.repeat(4000) } }))}`,
        );
      }
      const outcomes = await twenty(({ groups }, index) =>
        groups.create(`heavy-${index}`, group({ claims: much(7) })),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(outcomes.filter((one) => !one.ok && one.problem === 'too-many')).to.have.lengthOf(19);
      expect(await bytesOf()).to.be.at.most(most);
      // Nor by making one larger that is there; one that becomes smaller always may.
      const id = newId('press');
      await made(access.groups.create(id, group()));
      const grown = await access.groups.update(id, undefined, { claims: much(7) });
      expect(grown).to.include({ ok: false, problem: 'too-many' });
      await store.call('HSET', key, 'over', `1 1 1 ${JSON.stringify(group({ claims: much(100) }))}`);
      await made(access.groups.update('over', undefined, { claims: much(1) }));
      await store.call('HDEL', key, ...filling.map(([one = '']) => one));
    });
  });

  it('are read again only where they have changed', async () => {
    const { createDefinitions } = await import('../../src/redis/definitions.ts');
    const { store } = pods.first;
    const all = `${store.keys.access()}:trial`;
    const keysOf = { all, watched: `${all}:watched`, removed: `${all}:removed`, others: all };
    const definitions = createDefinitions(store, keysOf, { most: 10, mostBytes: 10_000 });
    for (const id of ['a', 'b', 'c']) await definitions.create(id, { list: [id] });
    const before = new Map((await definitions.list()).map((one) => [one.id, one]));
    await definitions.update('b', undefined, { list: ['other'] });
    await definitions.remove('c', undefined);
    const after = await definitions.list();
    expect(after.map(({ id }) => id)).to.have.members(['a', 'b']);
    for (const one of after) expect(one === before.get(one.id), one.id).to.equal(one.id === 'a');
    expect(after.find(({ id }) => id === 'b')).to.deep.include({ version: 2, body: { list: ['other'] } });
    const [{ body } = { body: undefined }] = after;
    expect(Object.values(body as object).every((list) => Object.isFrozen(list))).to.equal(true);
  });

  describe('of a group', () => {
    it('must be there', async () => {
      const { groups } = pods.first.access;
      const unknown = await groups.create(newId('press'), group({ roles: ['owner', 'nobody'] }));
      expect(paths(unknown)).to.deep.equal(['roles']);
      const id = newId('press');
      await made(groups.create(id, group({ roles: ['auditor'] })));
      expect(paths(await groups.update(id, undefined, { roles: ['no such role'] }))).to.deep.equal(['roles']);
      expect((await groups.find(id))?.roles).to.deep.equal(['auditor']);
    });

    it('are its members’, until they are removed', async () => {
      const { first, second } = pods;
      const [direct, byGroup, id] = [newId('direct'), newId('by-group'), newId('press')];
      await made(first.access.roles.create(direct, role({ permissions: ['audit:read'] })));
      await made(first.access.roles.create(byGroup, role({ permissions: ['keys:read'] })));
      await made(first.access.groups.create(id, group({ roles: [byGroup, 'client-manager'] })));
      const of = { roles: [direct, 'gone'], groups: [id, 'gone'] };
      const now = await second.access.effectiveNow(of);
      expect(now.roles).to.deep.equal([byGroup, 'client-manager', direct].sort());
      expect(now.groups).to.deep.equal([id]);
      expect(now.permissions.has('audit:read') && now.permissions.has('clients:write')).to.equal(true);
      expect(now.roleClaims.roles).to.deep.equal(now.roles);
      expect(now.groupClaims.groups).to.deep.equal([id]);
      await withinASecond(() => second.access.effective(of).roles.length === 3);

      await made(second.access.roles.remove(byGroup, undefined));
      expect((await first.access.effectiveNow(of)).roles).to.deep.equal(['client-manager', direct]);
      expect((await first.access.groups.find(id))?.roles).to.deep.equal(['client-manager']);
      const renamed = await made(first.access.groups.update(id, undefined, { name: 'Media' }));
      expect(renamed.roles).to.deep.equal(['client-manager']);
    });
  });

  describe('claims', () => {
    it('of several roles are told together: lists as one, of other values the first', async () => {
      const { access } = pods.first;
      const [a, b] = [newId('claims-a'), newId('claims-b')];
      await made(access.roles.create(a, role({ claims: { desks: ['z', 'x'], level: 1, only_a: true } })));
      await made(access.roles.create(b, role({ claims: { desks: ['x', 'y'], level: 2, only_b: 'b' } })));
      expect((await access.effectiveNow({ roles: [b, a], groups: [] })).roleClaims).to.deep.equal({
        roles: [a, b],
        desks: ['x', 'y', 'z'],
        level: 1,
        only_a: true,
        only_b: 'b',
      });
    });

    it('have names that are told when there is another one', async () => {
      const { first, second } = pods;
      let told = 0;
      second.access.onClaimNamesChange(() => told++);
      const [id, groupId] = [newId('named'), newId('named')];
      await made(first.access.roles.create(id, role({ claims: { zone_of_role: 'north' } })));
      await withinASecond(() => second.access.claimNames().roles.includes('zone_of_role'));
      expect(told).to.equal(1);
      await made(first.access.groups.create(groupId, group({ claims: { zone_of_group: 'south' } })));
      await withinASecond(() => second.access.claimNames().groups.includes('zone_of_group'));
      expect(told).to.equal(2);
      await made(first.access.roles.update(id, undefined, { claims: { zone_of_role: 'east' } }));
      await withinASecond(
        () => second.access.effective({ roles: [id], groups: [] }).roleClaims.zone_of_role === 'east',
      );
      expect(told, 'another value is no other name').to.equal(2);
      await made(first.access.roles.remove(id, undefined));
      await withinASecond(() => !second.access.claimNames().roles.includes('zone_of_role'));
      expect(told).to.equal(3);
    });
  });

  describe('refuse', () => {
    const refused = async (changes: Record<string, unknown>, id = newId('refused')) => {
      const writing = await pods.first.access.roles.create(id, { ...role(), ...changes } as never);
      expect(writing.ok, JSON.stringify(changes)).to.equal(false);
      expect(await pods.first.access.roles.find(id)).to.equal(undefined);
      return paths(writing);
    };

    it('ids that are none', async () => {
      for (const id of [
        '',
        'Upper',
        'with space',
        'a'.repeat(65),
        '-dash',
        'ü',
        'a\nb',
        '__proto__',
        'a/b',
      ]) {
        expect(await refused({}, id), id).to.deep.equal(['id']);
      }
      await made(pods.first.access.roles.create(`a${':.-_0'.repeat(10)}`, role()));
    });

    it('names and texts that cannot be shown', async () => {
      for (const text of ['', '  ', 'a\nb', 'a\u0000b', 'a\u202eb', 'a\ud800b', 'n'.repeat(101)]) {
        expect(await refused({ name: text }), text).to.deep.equal(['name']);
      }
      expect(await refused({ description: 'x'.repeat(501) })).to.deep.equal(['description']);
      expect(await refused({ description: 'a\tb' })).to.deep.equal(['description']);
    });

    it('permissions that there are not', async () => {
      expect(await refused({ permissions: ['audit:read', 'everything'] })).to.deep.equal(['permissions']);
    });

    it('claims that mean something else in a token', async () => {
      const taken =
        'sub iss aud exp nbf iat jti acr amr azp auth_time nonce sid scope client_id cnf act roles groups email ' +
        'email_verified name preferred_username address phone_number updated_at hf hf_x hf:epoch hf.epoch ' +
        'constructor toString _claim_names at_hash c_hash entitlements';
      for (const name of taken.split(' ')) {
        expect(await refused({ claims: { [name]: 'x' } }), name).to.deep.equal([`claims.${name}`]);
      }
      expect(await refused({ claims: JSON.parse('{"__proto__":"x"}') })).to.deep.equal(['claims.__proto__']);
      for (const name of ['', '1st', 'with space', 'a"b', 'ü', 'x'.repeat(121)]) {
        expect(await refused({ claims: { [name]: 'x' } }), name).to.have.lengthOf(1);
      }
      for (const name of ['department', 'https://example.com/claims/level', 'urn:x:y', 'hfstore']) {
        await made(pods.first.access.roles.create(newId('fine'), role({ claims: { [name]: 'x' } })));
      }
    });

    it('claims with values that are none, or too much', async () => {
      const values = [null, {}, [1], [['x']], Number.NaN, Infinity, 2 ** 60, 'a\nb', 'x'.repeat(1001)];
      for (const value of [...values, Array(101).fill('x'), ['x'.repeat(1001)]]) {
        expect(await refused({ claims: { level: value } })).to.deep.equal(['claims.level']);
      }
      const many = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`claim${n}`, 1]));
      expect(await refused({ claims: many })).to.deep.equal(['claims']);
    });

    it('a group with too many roles', async () => {
      const many = Array.from({ length: 101 }, (_, n) => `role-${n}`);
      const writing = await pods.first.access.groups.create(newId('big'), group({ roles: many }));
      expect(paths(writing)).to.include('roles');
    });
  });

  it('are refused while Redis is away, and never looked up in what was read before', async () => {
    const other = await startStandalone({ appendOnly: false });
    const away = await openAccess(other.url);
    await made(away.first.access.roles.create('kept', role({ permissions: ['audit:read'] })));
    await other.stop();
    const failed = await away.first.access
      .effectiveNow({ roles: ['kept'], groups: [] })
      .catch((error: Error) => error.name);
    expect(failed).to.equal('Unavailable');
    expect(away.first.access.effective({ roles: ['kept'], groups: [] }).roles).to.deep.equal(['kept']);
    await away.close();
  });
});

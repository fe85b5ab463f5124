import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { createClientStore } from '../../src/oidc/client-store.ts';
import {
  type ClientWriting,
  createRegisteredClients,
  type RegisteredClients,
} from '../../src/oidc/registered-clients.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault } from '../../src/redis/vault.ts';
import { testKeys } from '../support/pods.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

const topologies: [name: string, start: () => Promise<Topology>][] = [
  ['standalone', () => startStandalone({ appendOnly: false })],
  ['Cluster', () => startCluster({ primaries: 3 })],
];

const web = (id: string, name = id) => ({
  client_id: id,
  client_name: name,
  redirect_uris: ['https://app.example/cb'],
});

for (const [topology, start] of topologies) {
  describe(`clients for administrators (${topology})`, () => {
    let redis: Topology;
    const stores: Store[] = [];
    /** On two stores, as of two pods. */
    let one: RegisteredClients;
    let other: RegisteredClients;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      [one, other] = await Promise.all([open(), open()]);
    });
    after(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await redis?.stop();
    });

    async function open(): Promise<RegisteredClients> {
      const config = readConfig({
        HOLDFAST_ISSUER: 'https://id.example.com',
        HOLDFAST_KEYS: testKeys,
        REDIS_URL: redis.url,
      });
      const store = openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
      stores.push(store);
      await store.whenReady(10_000);
      const ring = await openKeyRing(store, createVault(config.vaultKeys), {});
      const clients = createClientStore(store, ring, {
        cacheMs: 500,
        builtIn: [{ client_id: 'ours', client_name: 'Our own page' }],
      });
      return createRegisteredClients({
        store,
        clients,
        // What the engine says is tested over HTTP.
        validate: async () => {},
        limits: () => ({ accessTokenSeconds: 600, refreshTokenSeconds: 86_400 }),
      });
    }

    /** Twenty at the same moment, from both stores. */
    const twenty = <T>(work: (clients: RegisteredClients, index: number) => Promise<ClientWriting<T>>) =>
      Promise.all(Array.from({ length: 20 }, (_, index) => work(index % 2 === 0 ? one : other, index)));

    function expectOne<T>(outcomes: ClientWriting<T>[], problem: string): void {
      const refused = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.problem]));
      expect(refused).to.deep.equal(Array(19).fill(problem));
    }

    async function make(id: string, name?: string): Promise<string> {
      const made = await one.create(web(id, name));
      if (!made.ok) throw new Error(made.problem);
      return made.value.secret ?? '';
    }

    it('keeps a client as it was made, and counts its versions up', async () => {
      await make('kept', 'Kept');
      const updated = await other.update('kept', 1, { ...web('kept', 'Kept well'), first_party: true });
      expect(updated.ok && updated.before?.metadata.client_name).to.equal('Kept');
      const found = await one.find('kept');
      expect(found).to.deep.include({ version: 2, isEnabled: true, isBuiltIn: false });
      expect(found?.metadata).to.deep.equal({ ...web('kept', 'Kept well'), first_party: true });
      expect(found?.secrets).to.have.lengthOf(1);
      expect(found?.createdAt).to.be.within(Date.now() - 10_000, Date.now());
      expect(JSON.stringify(found)).not.to.include('hash');
    });

    it('changes nothing when nothing is to change', async () => {
      await make('still');
      const outcomes = [await one.update('still', 1, web('still')), await one.setEnabled('still', 1, true)];
      expect(outcomes.map((outcome) => outcome.ok && outcome.value.version)).to.deep.equal([1, 1]);
    });

    it('lets one of twenty make a client with an id', async () => {
      const outcomes = await twenty((clients, index) => clients.create(web('wanted', `Wanted ${index}`)));
      expectOne(outcomes, 'taken');
      const winner = outcomes.find((outcome) => outcome.ok);
      const found = await one.find('wanted');
      expect(found?.metadata).to.deep.equal(winner?.ok && winner.value.client.metadata);
      const listed = await other.list({ text: 'wanted' });
      expect(listed.clients.map(({ metadata }) => metadata.client_id)).to.deep.equal(['wanted']);
    });

    it('lets one of twenty change the version that all of them saw', async () => {
      await make('fought');
      const outcomes = await twenty((clients, index) =>
        clients.update('fought', 1, web('fought', `Fought ${index}`)),
      );
      expectOne(outcomes, 'changed');
      expect((await one.find('fought'))?.version).to.equal(2);
    });

    it('loses no change of twenty that ask for no version', async () => {
      await make('shared');
      const outcomes = await twenty((clients) => clients.revokeGrants('shared'));
      expect(outcomes.every(({ ok }) => ok)).to.equal(true);
      expect((await one.find('shared'))?.version).to.equal(21);
    });

    it('gives the second place for a secret to one of twenty', async () => {
      const first = await make('rotated');
      const outcomes = await twenty((clients) => clients.addSecret('rotated', {}));
      expectOne(outcomes, 'two-secrets');
      const winner = outcomes.find((outcome) => outcome.ok);
      const second = winner?.ok ? winner.value.secret : '';
      expect(await other.hasSecret('rotated', first)).to.equal(true);
      expect(await other.hasSecret('rotated', second)).to.equal(true);
      expect(await other.hasSecret('rotated', `${second}x`)).to.equal(false);
    });

    it('leaves one secret, whoever of twenty removes one', async () => {
      await make('careful');
      await one.addSecret('careful', {});
      const ids = (await one.find('careful'))?.secrets.map(({ id }) => id) ?? [];
      const outcomes = await twenty((clients, index) =>
        clients.removeSecret('careful', ids[index % 2] ?? ''),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect((await one.find('careful'))?.secrets).to.have.lengthOf(1);
    });

    it('takes the last secret only of a client that is disabled', async () => {
      await make('silenced');
      const [secret] = (await one.find('silenced'))?.secrets ?? [];
      const remove = () => one.removeSecret('silenced', secret?.id ?? '');
      expect(await remove()).to.deep.equal({ ok: false, problem: 'last-secret' });
      await one.setEnabled('silenced', undefined, false);
      expect((await remove()).ok).to.equal(true);
      expect(await remove()).to.deep.equal({ ok: false, problem: 'not-found' });
    });

    it('ends the other secrets at their time, and then has room again', async () => {
      const first = await make('timed');
      const added = await one.addSecret('timed', { othersEndAt: Date.now() + 300 });
      expect(await one.hasSecret('timed', first)).to.equal(true);
      expect(
        added.ok && added.value.client.secrets.map(({ expiresAt }) => expiresAt !== undefined),
      ).to.deep.equal([true, false]);
      for (const until = Date.now() + 5000; Date.now() < until; ) {
        if ((await one.find('timed'))?.secrets.length === 1) break;
      }
      expect(await other.hasSecret('timed', first)).to.equal(false);
      expect((await other.addSecret('timed', {})).ok).to.equal(true);
      expect((await one.find('timed'))?.secrets).to.have.lengthOf(2);
    });

    it('takes a secret that somebody chose, if it is long enough and new', async () => {
      const secret = 'x'.repeat(40);
      const made = await one.create(web('chosen'), { secret });
      expect(made.ok && made.value.secret).to.equal(secret);
      expect(await one.hasSecret('chosen', secret)).to.equal(true);
      for (const unfit of ['short', `${secret} `, secret]) {
        const added = await one.addSecret('chosen', { secret: unfit });
        expect(added).to.include({ ok: false, problem: 'invalid' });
      }
    });

    it('gives what a request made to the same request again, and to no other', async () => {
      const secret = 'x'.repeat(44);
      const ours = { mark: 'ours', secret };
      const first = await one.create(web('once'), { once: ours });
      const second = await other.create(web('once'), { once: ours });
      expect(first.ok && first.value.secret).to.equal(secret);
      expect(second.ok && second.value).to.deep.equal(first.ok && first.value);
      for (const once of [undefined, { ...ours, mark: 'theirs' }, { ...ours, secret: 'y'.repeat(44) }]) {
        const taken = await other.create(web('once'), once && { once });
        expect(taken).to.deep.equal({ ok: false, problem: 'taken' });
      }
      // Of somebody else, who named no request.
      await one.create(web('not-once'));
      expect((await other.create(web('not-once'), { once: ours })).ok).to.equal(false);

      const again = { mark: 'added', secret: 'z'.repeat(44) };
      const added = await one.addSecret('once', { once: again });
      expect(added.ok && added.value).to.include({ secretId: 'added', secret: again.secret });
      const repeated = await twenty((clients) => clients.addSecret('once', { othersEndAt: 1, once: again }));
      for (const reply of repeated) {
        expect(reply.ok && reply.value).to.include({ secretId: 'added', secret: again.secret });
      }
      expect((await one.find('once'))?.secrets.map(({ expiresAt }) => expiresAt)).to.deep.equal([
        undefined,
        undefined,
      ]);
      expect(await one.hasSecret('once', secret)).to.equal(true);
      await one.removeSecret('once', first.ok ? (first.value.client.secrets[0]?.id ?? '') : '');
      expect(await other.create(web('once'), { once: ours }), 'its secret is gone').to.include({ ok: false });
    });

    it('never gives an id again', async () => {
      await make('gone', 'Gone for good');
      expect((await one.remove('gone', 7)).ok).to.equal(false);
      const removed = await other.remove('gone', 1);
      expect(removed.ok && removed.value.metadata.client_name).to.equal('Gone for good');
      expect(await one.find('gone')).to.equal(undefined);
      expect(await one.create(web('gone'))).to.deep.equal({ ok: false, problem: 'taken' });
      for (const outcome of [
        await one.update('gone', undefined, web('gone')),
        await one.setEnabled('gone', undefined, true),
        await one.addSecret('gone', {}),
        await one.revokeGrants('gone'),
        await one.remove('gone', undefined),
      ]) {
        expect(outcome).to.deep.equal({ ok: false, problem: 'not-found' });
      }
      expect((await one.list({ text: 'gone' })).clients).to.deep.equal([]);
    });

    it('keeps its own clients as they are', async () => {
      const metadata = { ...web('ours'), client_id: 'ours' };
      expect(await one.find('ours')).to.include({ isBuiltIn: true });
      expect((await one.create(metadata)).ok).to.equal(false);
      for (const outcome of [
        await one.update('ours', undefined, metadata),
        await one.setEnabled('ours', undefined, false),
        await one.addSecret('ours', {}),
        await one.remove('ours', undefined),
      ]) {
        expect(outcome).to.deep.equal({ ok: false, problem: 'built-in' });
      }
    });

    it('asks for a secret before a client becomes one that needs it', async () => {
      const open = { ...web('grown'), token_endpoint_auth_method: 'none' };
      expect((await one.create(open)).ok).to.equal(true);
      const early = await one.update('grown', undefined, web('grown'));
      expect(early.ok === false && early.problem === 'invalid' && early.message).to.include('secret');
      await one.addSecret('grown', {});
      expect((await one.update('grown', undefined, web('grown'))).ok).to.equal(true);
    });

    it('finds clients by the beginning of their name, of a word in it, and of their id', async () => {
      await make('find-1', 'Zebra Harbour Notes');
      await make('find-2', 'ZEBRA crossing');
      await make('find-3', 'Old   Zebra');
      const ids = async (text: string) =>
        (await other.list({ text })).clients.map(({ metadata }) => metadata.client_id).sort();
      expect(await ids('zebra')).to.deep.equal(['find-1', 'find-2', 'find-3']);
      expect(await ids('Harbour no')).to.deep.equal(['find-1']);
      expect(await ids('find-')).to.deep.equal(['find-1', 'find-2', 'find-3']);
      expect(await ids('ebra')).to.deep.equal([]);
      expect(await ids('our own')).to.deep.equal(['ours']);
      await one.update('find-1', undefined, web('find-1', 'Lion'));
      expect(await ids('zebra')).to.deep.equal(['find-2', 'find-3']);
      expect(await ids('lion')).to.deep.equal(['find-1']);
    });

    it('lists each client once, page by page, and whatever a cursor says', async () => {
      for (let index = 0; index < 7; index++) await make(`page-${index}`, `Paged Paged ${index}`);
      for (const text of ['paged', undefined]) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await one.list({ count: 3, ...(text && { text }), ...(cursor && { cursor }) });
          seen.push(...page.clients.map(({ metadata }) => metadata.client_id));
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(new Set(seen).size).to.equal(seen.length);
        expect(seen.filter((id) => id.startsWith('page-'))).to.have.lengthOf(7);
        for (const forged of [
          '',
          '!',
          'e30',
          Buffer.from('[1e999,"x"]').toString('base64url'),
          'x'.repeat(9999),
        ]) {
          const page = await one.list({ count: 3, cursor: forged, ...(text && { text }) });
          expect(page.clients.length).to.be.at.most(4);
        }
      }
      expect(await one.count()).to.be.at.least(7);
    });

    it('finds and changes a client that an earlier release made', async () => {
      const [store] = stores;
      await store?.call('HSET', 'hf:{c:older}', 'p', JSON.stringify(web('older', 'Quagga')), 's1', 'a-hash');
      await store?.call('ZADD', 'hf:{clients}', '1700000000000', 'older');
      // Words are made when a pod searches for the first time.
      const fresh = await open();
      const [found] = (await fresh.list({ text: 'quagga' })).clients;
      expect(found?.createdAt).to.equal(1_700_000_000_000);
      expect(found?.secrets.map(({ id }) => id)).to.deep.equal(['1']);
      expect((await fresh.setEnabled('older', found?.version, false)).ok).to.equal(true);
    });

    it('takes no id that is a member of every object, or looks like the id of an account', async () => {
      const members = Object.getOwnPropertyNames(Object.prototype);
      for (const id of [
        ...members,
        '.',
        '..',
        'a/b',
        'a?b',
        '%2f',
        '<b>',
        '"',
        '-a',
        '_a',
        'x'.repeat(129),
      ]) {
        const made = await one.create(web(id, 'odd'));
        expect(made, id).to.deep.include({ ok: false, problem: 'invalid' });
        expect(made, id)
          .to.have.property('message')
          .that.match(/^client_id must be/);
      }
      for (const id of ['AAAAAAAAAAAAAAAAAAAAAA', 'a_b-c_d-e_f-g_h-i_j-k9']) {
        expect(await one.create(web(id)), id)
          .to.have.property('message')
          .that.match(/^client_id must not have the form of the id of an account/);
        expect(await one.check(web(id)), 'one that is there may be changed').to.equal(undefined);
      }
      expect((await one.create(web('x1.a_b~c:d-'))).ok).to.equal(true);
    });

    it('does not load one that is stored under such an id, and goes on with those of earlier releases', async () => {
      const [store] = stores;
      const inherited = ['__proto__', 'constructor', '__defineGetter__', 'a/b'];
      const earlier = ['-nUbQ3xYkE_7wz2A', '_nUbQ3xYkE_7wz2A'];
      for (const [index, id] of [...inherited, ...earlier].entries()) {
        await store?.call('HSET', `hf:{c:${id}}`, 'p', JSON.stringify(web(id, 'Planted')), 'v', '1');
        await store?.call('ZADD', 'hf:{clients}', String(1_600_000_000_000 + index), id);
      }
      for (const id of inherited) expect(await one.find(id), id).to.equal(undefined);
      for (const id of earlier) expect((await one.find(id))?.metadata.client_id).to.equal(id);
      const listed: string[] = [];
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
        const page: Awaited<ReturnType<typeof one.list>> = await one.list({
          ...(cursor && { cursor }),
          count: 200,
        });
        listed.push(...page.clients.map(({ metadata }) => metadata.client_id));
        cursor = page.cursor;
      }
      expect(listed).to.include.members(earlier);
      expect(listed.filter((id) => inherited.includes(id))).to.deep.equal([]);
      for (const id of [...inherited, ...earlier]) {
        await store?.call('ZREM', 'hf:{clients}', id);
        await store?.call('DEL', `hf:{c:${id}}`);
      }
    });

    it('says which field is wrong, and how to mend it', async () => {
      const cases: [fields: Record<string, unknown>, says: RegExp][] = [
        [{ client_id: 'a b' }, /^client_id must be/],
        [{ client_name: 'x'.repeat(101) }, /^client_name must have at most 100/],
        [{ client_name: 'Harbour\u202eseton' }, /^client_name has characters that cannot be seen/],
        [{ client_name: 'a\u0000b' }, /^client_name has characters/],
        [{ client_name: ' ' }, /^client_name must not be empty/],
        [{ redirect_uris: [] }, /^redirect_uris needs/],
        [{ redirect_uris: 'https://x.example/cb' }, /^redirect_uris must be a list/],
        [{ redirect_uris: ['http://app.example/cb'] }, /^redirect_uris must start with https/],
        [{ redirect_uris: ['https://app.example/cb#x'] }, /^redirect_uris must not have a fragment/],
        [{ redirect_uris: ['https://*.example/cb'] }, /^redirect_uris must not have a wildcard/],
        [{ redirect_uris: ['https://me:pass@app.example/cb'] }, /^redirect_uris must not have a user name/],
        [{ redirect_uris: ['https://app.example/a b'] }, /^redirect_uris has a space/],
        [{ redirect_uris: ['javascript:alert(1)'] }, /^redirect_uris must start with https/],
        [
          { redirect_uris: ['https://app.example/cb?code=1'] },
          /^redirect_uris must not have "code" in its query/,
        ],
        [{ redirect_uris: ['https://app.example/cb?a=1&%73tate'] }, /^redirect_uris must not have "state"/],
        [{ redirect_uris: ['https://app.example/cb?iss=x'] }, /^redirect_uris must not have "iss"/],
        [{ redirect_uris: ['https://app.example/cb?error=x'] }, /^redirect_uris must not have "error"/],
        [{ redirect_uris: ['http://localhost/cb?ID_token=x'] }, /^redirect_uris must not have "ID_token"/],
        [
          { post_logout_redirect_uris: ['https://app.example/?access_token='] },
          /^post_logout_.* "access_token"/,
        ],
        [
          { application_type: 'native', redirect_uris: ['com.example.app:/cb?token=x'] },
          /^redirect_uris must not have "token"/,
        ],
        [
          { application_type: 'native', redirect_uris: ['javascript:alert(1)//a.b'] },
          /^redirect_uris must not have a scheme that browsers run/,
        ],
        [
          { application_type: 'native', redirect_uris: ['javascript.x:alert(1)'] },
          /^redirect_uris must not have a scheme that browsers run/,
        ],
        [{ resources: ['javascript:alert(1)'] }, /^resources must not have a scheme that browsers run/],
        [{ redirect_uris: ['com.example.app:/cb'] }, /^redirect_uris must start with https/],
        [{ application_type: 'native', redirect_uris: ['myapp:/cb'] }, /^redirect_uris must have a scheme/],
        [{ application_type: 'native', redirect_uris: ['data:text/html,x'] }, /^redirect_uris/],
        [{ post_logout_redirect_uris: ['http://app.example/'] }, /^post_logout_redirect_uris must/],
        [{ logo_uri: 'http://app.example/logo.png' }, /^logo_uri must start with https/],
        [{ tos_uri: 'javascript:alert(1)' }, /^tos_uri/],
        [{ contacts: ['nobody'] }, /^contacts must be an e-mail address/],
        [{ grant_types: ['implicit'] }, /^grant_types must be one of/],
        [{ response_types: ['token'] }, /^response_types must be code/],
        [{ token_endpoint_auth_method: 'private_key_jwt' }, /^jwks_uri \(or jwks\) is needed/],
        [{ jwks: { keys: [{ kty: 'OKP', d: 'secret' }] } }, /^jwks has a private key/],
        [{ cors_origins: ['https://app.example/page'] }, /^cors_origins must be an origin/],
        [{ roles: ['Not an id'] }, /^roles must be ids/],
        [{ access_token_seconds: 601 }, /^access_token_seconds must be a whole number from 10 to 600/],
        [{ first_party: 'yes' }, /^first_party must be true or false/],
        [{ second_factor: 'sometimes' }, /^second_factor must be one of/],
        [{ client_secret: 'x' }, /^client_secret is not part/],
        [{ redirectUris: [] }, /^redirectUris is no metadata .*did you mean redirect_uris/],
        [JSON.parse('{"__proto__": 1}'), /^__proto__ is no metadata/],
        [{ constructor: 'x' }, /^constructor is no metadata/],
      ];
      for (const [fields, says] of cases) {
        const fault = await one.check({ ...web('checked'), ...fields } as never);
        expect(fault, JSON.stringify(fields)).to.match(says);
      }
    });

    it('has nothing against what an application needs', async () => {
      for (const fields of [
        {},
        { redirect_uris: ['http://localhost:8080/cb', 'http://127.0.0.1/cb', 'http://[::1]:3000/cb'] },
        { application_type: 'native', redirect_uris: ['com.example.app:/cb', 'https://app.example/cb'] },
        { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
        { description: 'What it is for.\nAnd who asks.', contacts: ['ops@app.example'], roles: ['auditor'] },
        { access_token_seconds: 60, refresh_token_seconds: 3600, cors_origins: ['https://app.example'] },
        { client_name: 'Häfen & Grüße 港' },
      ]) {
        expect(await one.check({ ...web('checked'), ...fields }), JSON.stringify(fields)).to.equal(undefined);
      }
    });

    it('leaves no secret in Redis', async () => {
      const [store] = stores;
      const secrets = [await make('at-rest')];
      const added = await one.addSecret('at-rest', {});
      if (added.ok) secrets.push(added.value.secret);
      const stored = JSON.stringify(await store?.read('hf:{c:at-rest}'));
      expect(stored).to.include('"s2"');
      for (const secret of secrets) expect(stored).not.to.include(secret);
    });
  });
}

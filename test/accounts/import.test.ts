import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createAccountExport } from '../../src/accounts/export.ts';
import { createAccountImport, type ImportOptions, type RowOutcome } from '../../src/accounts/import.ts';
import { type ImportFormat, readImportFile } from '../../src/accounts/import-file.ts';
import { parseFirebaseHashParameters } from '../../src/accounts/import-firebase.ts';
import { openPasswordHash } from '../../src/accounts/new-password.ts';
import type { Store } from '../../src/redis/redis.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, accountsOn, interrupted, Killed, openAccounts } from './account-fixture.ts';

const password = 'lètmein';
const bcrypt = '$2b$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve';

describe('importing accounts', () => {
  let topology: Topology;
  let fixture: AccountFixture;
  let directory: string;

  before(async () => {
    topology = await startStandalone();
  });
  after(() => topology?.stop());
  beforeEach(async () => {
    fixture = await openAccounts(topology.url);
    directory = mkdtempSync(join(tmpdir(), 'holdfast-import-'));
  });
  afterEach(async () => {
    await fixture.close();
    rmSync(directory, { recursive: true });
  });

  function write(text: string): string {
    const path = join(directory, 'import');
    writeFileSync(path, text);
    return path;
  }

  const lines = (...rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

  async function bring(
    format: ImportFormat,
    text: string,
    options: ImportOptions & { hashParameters?: string; on?: Store; as?: AccountFixture } = {},
  ): Promise<RowOutcome[]> {
    const { hashParameters, as = fixture, on: store = as.store } = options;
    const { ring } = as;
    const imports = createAccountImport({ store, ring, accounts: accountsOn(store, as) });
    const firebase = hashParameters === undefined ? undefined : parseFirebaseHashParameters(hashParameters);
    return Array.fromAsync(imports.run(readImportFile(write(text), format, { firebase }), options));
  }

  const brief = (outcomes: RowOutcome[]) =>
    outcomes.map((one) => [one.line, one.outcome, 'reason' in one ? one.reason : undefined]);

  async function expectSignsIn(email: string, right = password): Promise<void> {
    expect((await fixture.accounts.checkPassword(email, `${right}!`)).ok).to.equal(false);
    expect((await fixture.accounts.checkPassword(email, right)).ok, email).to.equal(true);
  }

  async function listed(): Promise<string[]> {
    return (await fixture.accounts.list({ count: 1000 })).accounts.map(({ email }) => email);
  }

  async function storedHash(id: string): Promise<string> {
    const fields = await fixture.store.read(fixture.store.keys.account(id));
    return openPasswordHash(fixture.ring, id, fields?.passwordHash ?? '');
  }

  it('makes accounts whose people sign in as before, and hashes anew at the first sign-in', async () => {
    const [outcome] = await bring(
      'holdfast',
      lines({
        ...{ email: 'Ada@Example.com', email_verified: true, name: 'Ada Lovelace', locale: 'en-GB' },
        ...{ password_hash: bcrypt, terms: { version: '2', accepted_at: 1700000000 } },
      }),
    );
    if (outcome?.outcome !== 'created') throw new Error(JSON.stringify(outcome));
    expect(outcome).to.deep.equal({
      ...{ line: 1, email: 'Ada@Example.com', outcome: 'created', id: outcome.id },
      ...{ hasPassword: true, leftOut: [] },
    });
    expect(await fixture.accounts.find(outcome.id)).to.include({
      ...{ email: 'Ada@example.com', emailVerified: true, name: 'Ada Lovelace', locale: 'en-GB' },
      ...{ status: 'active', hasPassword: true },
    });
    expect((await fixture.accounts.find(outcome.id))?.terms).to.deep.equal({
      version: '2',
      acceptedAt: 1_700_000_000_000,
    });
    expect(JSON.stringify(await fixture.store.read(fixture.store.keys.account(outcome.id)))).to.not.include(
      '$2b$',
    );

    expect(await storedHash(outcome.id)).to.equal(bcrypt);
    await expectSignsIn('ada@example.com');
    expect(await storedHash(outcome.id)).to.match(/^\$argon2id\$/);
    await expectSignsIn('ada@example.com');
  });

  it('reads a realm of Keycloak', async () => {
    const credential = (data: object, secret: object) => ({
      ...{ type: 'password', credentialData: JSON.stringify(data), secretData: JSON.stringify(secret) },
    });
    const realm = {
      realm: 'harbour',
      roles: { realm: [{ name: 'offline', users: [{ email: 'no@example.com' }] }] },
      clients: [{ clientId: 'no' }],
      users: [
        {
          ...{ username: 'ada', email: 'ada@example.com', emailVerified: true, enabled: true },
          ...{ firstName: 'Ada', lastName: 'Lovelace', attributes: { locale: ['de'] } },
          credentials: [
            { type: 'otp' },
            credential(
              { hashIterations: 27500, algorithm: 'pbkdf2-sha256', additionalParameters: {} },
              {
                salt: 'AAECAwQFBgcICQoLDA0ODw==',
                value:
                  'Zln/ZE4k41bQzrIB1tzW7cPAhg+w9844Gj4ua+E91V2xiZFnkiueDXgBzWBarioCwIKVTOPzMTQ8SiRH3EAMoQ==',
              },
            ),
          ],
        },
        {
          ...{ username: 'bea', email: 'bea@example.com', enabled: false },
          credentials: [
            credential(
              {
                hashIterations: 3,
                algorithm: 'argon2',
                additionalParameters: {
                  memory: ['65536'],
                  parallelism: ['4'],
                  type: ['id'],
                  version: ['1.3'],
                },
              },
              { salt: 'MIIRqgvgQbgj220jfp0MPA==', value: 'YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg=' },
            ),
          ],
        },
        { username: 'service-account', enabled: true },
        { username: 'cyd', email: 'cyd@example.com', credentials: [credential({ algorithm: 'own' }, {})] },
        {
          ...{ username: 'dan', email: 'dan@example.com' },
          credentials: [
            credential(
              { algorithm: 'constructor', hashIterations: 1 },
              { salt: 'AAECAw==', value: 'AAECAw==' },
            ),
          ],
        },
      ],
      groups: [{ name: 'no', email: 'no@example.com' }],
    };
    const outcomes = await bring('keycloak', JSON.stringify(realm, undefined, 2));
    expect(brief(outcomes).map(([, ...rest]) => rest)).to.deep.equal([
      ['created', undefined],
      ['created', undefined],
      ['refused', 'email-missing'],
      ['refused', 'hash-unknown'],
      ['refused', 'hash-unknown'],
    ]);
    expect(await fixture.accounts.findByEmail('ada@example.com')).to.include({
      ...{ name: 'Ada Lovelace', preferred_username: 'ada', locale: 'de', emailVerified: true },
    });
    await expectSignsIn('ada@example.com');
    const bea = await fixture.accounts.findByEmail('bea@example.com');
    expect(bea).to.include({ status: 'disabled' });
    await fixture.accounts.setStatus(bea?.id ?? '', 'active');
    await expectSignsIn('bea@example.com', 'correct horse battery staple');
  });

  it('reads the users of Auth0, also with hashes of their own', async () => {
    const outcomes = await bring(
      'auth0',
      lines(
        { email: 'ada@example.com', email_verified: true, nickname: 'ada', passwordHash: bcrypt },
        {
          email: 'bea@example.com',
          custom_password_hash: {
            algorithm: 'sha256',
            hash: {
              value: 'cceaedb5f2615e5d74a99090cac6716cb99635a7d534083cf75dd51473ab3d1d',
              encoding: 'hex',
            },
            salt: { value: 'pepper-and-salt', encoding: 'utf8', position: 'prefix' },
          },
        },
        { email: 'cyd@example.com', blocked: true, passwordHash: bcrypt },
        { email: 'dan@example.com', custom_password_hash: { algorithm: 'ldap', hash: { value: '{SSHA}x' } } },
      ),
    );
    expect(brief(outcomes)).to.deep.equal([
      [1, 'created', undefined],
      [2, 'created', undefined],
      [3, 'created', undefined],
      [4, 'refused', 'hash-unknown'],
    ]);
    await expectSignsIn('ada@example.com');
    await expectSignsIn('bea@example.com');
    expect((await fixture.accounts.checkPassword('cyd@example.com', password)).ok).to.equal(false);
  });

  it('reads the users of Firebase, with what its console shows of the project', async () => {
    const file = JSON.stringify({
      users: [
        {
          ...{ localId: 'a', email: 'ada@example.com', emailVerified: true, displayName: 'Ada' },
          passwordHash:
            'lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==',
          salt: '42xEC-ixf3L2lw==',
        },
        { localId: 'b', email: 'bea@example.com', providerUserInfo: [{ providerId: 'google.com' }] },
      ],
    });
    expect(brief(await bring('firebase', file, { isDryRun: true }))).to.deep.equal([
      [1, 'refused', 'hash-unknown'],
      [1, 'created', undefined],
    ]);
    const hashParameters = `hash_config {
      algorithm: SCRYPT,
      base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
      base64_salt_separator: Bw==,
      rounds: 8,
      mem_cost: 14,
    }`;
    const outcomes = await bring('firebase', file, { hashParameters });
    expect(outcomes.map((one) => one.outcome === 'created' && one.hasPassword)).to.deep.equal([true, false]);
    await expectSignsIn('ada@example.com', 'user1password');
  });

  it('reads a dump of Django', async () => {
    const user = (fields: object) => ({ model: 'auth.user', pk: 1, fields });
    const outcomes = await bring(
      'django',
      JSON.stringify([
        { model: 'auth.group', pk: 1, fields: { name: 'editors' } },
        user({
          ...{ username: 'ada', email: 'ada@example.com', first_name: 'Ada', last_name: '', is_active: true },
          password: 'pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=',
        }),
        user({ username: 'bea@example.com', email: '', password: '!unusable', is_active: false }),
        user({
          username: 'cyd',
          email: 'cyd@example.com',
          password: 'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3',
        }),
      ]),
    );
    expect(brief(outcomes)).to.deep.equal([
      [1, 'skipped', 'not-an-account'],
      [1, 'created', undefined],
      [1, 'created', undefined],
      [1, 'refused', 'hash-refused'],
    ]);
    await expectSignsIn('ada@example.com');
    expect(await fixture.accounts.findByEmail('bea@example.com')).to.include({
      ...{ status: 'disabled', hasPassword: false },
    });
  });

  it('reads tables, with quotes and hashes in parts', async () => {
    const outcomes = await bring(
      'csv',
      [
        '\uFEFFemail,email_verified,name,password_hash,hash_algorithm,hash,hash_encoding,salt,salt_encoding,salt_position',
        `ada@example.com,true,"Lovelace, ""Ada""",${bcrypt},,,,,,`,
        'bea@example.com,no,Bea,,md5,88a434c88cca4e900f7874cd98123f43,hex,,,',
        'cyd@example.com,no,Cyd,88a434c88cca4e900f7874cd98123f43,,,,,,',
        'not an address,no,,,,,,,,',
      ].join('\r\n'),
    );
    expect(brief(outcomes)).to.deep.equal([
      [2, 'created', undefined],
      [3, 'created', undefined],
      [4, 'refused', 'hash-refused'],
      [5, 'refused', 'email-invalid'],
    ]);
    expect(await fixture.accounts.findByEmail('ada@example.com')).to.include({
      ...{ name: 'Lovelace, "Ada"', emailVerified: true },
    });
    await expectSignsIn('ada@example.com');
    await expectSignsIn('bea@example.com');
  });

  it('goes on behind what it cannot read', async () => {
    const row = (name: string) => JSON.stringify({ email: `${name}@example.com` });
    const outcomes = await bring(
      'holdfast',
      [
        row('ada'),
        'not JSON at all, "or so"',
        '{"email": "cut-off@exam',
        row('bea'),
        '{"email": "open@example.com"',
        row('cyd'),
        '[]',
        '{"email": "tail@example.com',
      ].join('\n'),
    );
    expect(brief(outcomes)).to.deep.equal([
      [1, 'created', undefined],
      [2, 'refused', 'unreadable'],
      [3, 'refused', 'unreadable'],
      [4, 'created', undefined],
      [5, 'refused', 'unreadable'],
      [6, 'created', undefined],
      [8, 'refused', 'unreadable'],
    ]);
    const table = await bring('csv', 'email,name\ndan@example.com,Dan\neve@example.com,E,v,e\n');
    expect(brief(table)).to.deep.equal([
      [2, 'created', undefined],
      [3, 'refused', 'unreadable'],
    ]);
  });

  it('refuses what must not be, with the reason', async () => {
    await fixture.accounts.create({ email: 'taken@example.com' });
    const outcomes = await bring(
      'holdfast',
      lines(
        { email: 'TAKEN@example.com' },
        { email: 'ada@example.com', picture: 'javascript:alert(1)', name: 'Ada' },
        { email: 'ADA@example.com', name: 'Somebody else' },
        { name: 'Nobody' },
        { email: 'bea@example.com', password_hash: '$unknown$' },
        { email: 'cyd@example.com', password_hash: `$2b$31$${'a'.repeat(53)}` },
        { email: 'dan@example.com', id: '../../etc' },
      ),
    );
    expect(brief(outcomes)).to.deep.equal([
      [1, 'refused', 'email-taken'],
      [2, 'created', undefined],
      [3, 'refused', 'email-twice'],
      [4, 'refused', 'email-missing'],
      [5, 'refused', 'hash-unknown'],
      [6, 'refused', 'hash-too-costly'],
      [7, 'refused', 'id-invalid'],
    ]);
    expect(outcomes[1]).to.deep.include({ leftOut: ['picture'] });
    expect(await listed()).to.deep.equal(['taken@example.com', 'ada@example.com']);
    const dropped = await bring('holdfast', lines({ email: 'bea@example.com', password_hash: '$unknown$' }), {
      dropsUnfitHashes: true,
    });
    expect(dropped[0]).to.include({ outcome: 'created', hasPassword: false });
  });

  it('tells in a dry run what would be, and changes nothing', async () => {
    const text = lines({ email: 'ada@example.com' }, { email: 'ada@example.com' }, { email: '?' });
    const before = await fixture.store.call('DBSIZE');
    const dry = await bring('holdfast', text, { isDryRun: true });
    expect(await fixture.store.call('DBSIZE')).to.equal(before);
    expect(dry).to.deep.equal(await bring('holdfast', text));
  });

  it('skips what is there when it is run again, whatever its people did since', async () => {
    const text = lines(
      { email: 'ada@example.com', password_hash: bcrypt },
      { email: 'bea@example.com', status: 'disabled' },
    );
    const first = await bring('holdfast', text);
    const [ada, bea] = first.map((one) => ('id' in one ? one.id : ''));
    await fixture.accounts.updateProfile(ada ?? '', 1, { name: 'Ada Lovelace' });
    await fixture.accounts.setStatus(bea ?? '', 'active');
    expect(brief(await bring('holdfast', text))).to.deep.equal([
      [1, 'skipped', 'already-there'],
      [2, 'skipped', 'already-there'],
    ]);
    expect(await fixture.accounts.find(ada ?? '')).to.include({ name: 'Ada Lovelace' });
    expect(await fixture.accounts.find(bea ?? '')).to.include({ status: 'active' });
  });

  it('brings nobody back who was deleted', async () => {
    const text = lines({ email: 'ada@example.com' });
    const [made] = await bring('holdfast', text);
    const id = made && 'id' in made ? made.id : '';
    const { store } = fixture;
    await store.call('DEL', fixture.emailKey('ada@example.com'));
    await store.run('account-bury', [store.keys.account(id)], ['ada@example.com', '', 60_000]);
    expect(brief(await bring('holdfast', text))).to.deep.equal([[1, 'refused', 'deleted']]);
  });

  it('loses and doubles nothing wherever it is killed, once it is run again', async () => {
    const whole = (name: string) =>
      lines({ email: `${name}@example.com`, password_hash: bcrypt, status: 'disabled', name });
    const counting = interrupted(fixture.store, Number.POSITIVE_INFINITY, async () => {});
    await bring('holdfast', whole('counting'), { on: counting.store });
    expect(counting.count()).to.be.greaterThan(8);
    for (let at = 0; at < counting.count(); at++) {
      const text = whole(`killed-${at}`);
      const killed = interrupted(fixture.store, at, () => Promise.reject(new Killed()));
      const error = await bring('holdfast', text, { on: killed.store }).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Killed);
      const email = `killed-${at}@example.com`;
      const [again] = await bring('holdfast', text);
      expect(again?.outcome, `before ${JSON.stringify(killed.sent.at(-1))}`).to.be.oneOf([
        'created',
        'skipped',
      ]);
      const account = await fixture.accounts.findByEmail(email);
      expect(account).to.include({ status: 'disabled', hasPassword: true });
      expect(await fixture.store.call('PTTL', fixture.store.keys.account(account?.id ?? ''))).to.equal(-1);
      expect((await listed()).filter((one) => one === email)).to.deep.equal([email]);
    }
  });

  it('makes each account once when it is run by two at once', async () => {
    const other = await openAccounts(topology.url, fixture.prefix);
    try {
      const text = lines(...Array.from({ length: 40 }, (_, i) => ({ email: `person-${i}@example.com` })));
      const both = await Promise.all([bring('holdfast', text), bring('holdfast', text, { as: other })]);
      for (const outcomes of both) {
        expect(outcomes.filter(({ outcome }) => outcome === 'refused')).to.deep.equal([]);
      }
      expect((await listed()).toSorted()).to.have.lengthOf(40);
    } finally {
      await other.close();
    }
  });

  it('reads back what export wrote: the same accounts, ids and passwords', async () => {
    await fixture.accounts.create({
      ...{ email: 'ada@example.com', password: 'vierzehn blaue Katzen', name: 'Ada', emailVerified: true },
      terms: { version: '3', acceptedAt: 1_700_000_000_000 },
    });
    await bring('holdfast', lines({ email: 'bea@example.com', password_hash: bcrypt, status: 'disabled' }));
    const written = async (from: AccountFixture, withHashes: boolean) =>
      Array.fromAsync(createAccountExport(from).run({ withHashes }));
    const bare = JSON.stringify(await written(fixture, false));
    expect(bare).to.include('ada@example.com').and.not.include('password_hash').and.not.include('$');

    const exported = await written(fixture, true);
    const other = await openAccounts(topology.url);
    try {
      const outcomes = await bring('holdfast', lines(...exported), { as: other });
      expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal(['created', 'created']);
      const again = await written(other, true);
      // Two that were made in the same millisecond come in either order.
      const timeless = (rows: typeof exported) =>
        rows.map((row) => ({ ...row, created_at: 0 })).sort((a, b) => a.email.localeCompare(b.email));
      expect(timeless(again)).to.deep.equal(timeless(exported));
      expect((await other.accounts.checkPassword('ada@example.com', 'vierzehn blaue Katzen')).ok).to.equal(
        true,
      );
    } finally {
      await other.close();
    }
  });
});

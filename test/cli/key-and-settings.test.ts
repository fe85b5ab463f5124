import { expect } from 'chai';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { holdfast as run } from './run-command.ts';

describe('keys and settings on the command line', () => {
  let redis: Topology;
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(() => redis?.stop());

  async function holdfast(...args: string[]): Promise<{ code: number | null; printed: string }> {
    const { code, out, err } = await run(redis.url, args);
    return { code, printed: out + err };
  }

  async function json<T>(...args: string[]): Promise<T> {
    const { code, printed } = await holdfast(...args, '--json');
    expect(code, printed).to.equal(0);
    return JSON.parse(printed) as T;
  }

  type Listed = { keys: { id: string; use: string; alg: string; state: string }[] };

  it('lists, rotates and revokes keys', async () => {
    const before = await json<Listed>('key', 'list');
    expect(before.keys.map(({ alg, state }) => `${alg} ${state}`)).to.deep.equal([
      'RS256 active',
      'ES256 active',
      'EdDSA active',
      'HS256 active',
    ]);
    const fresh = await json<Listed>('key', 'rotate', 'signing');
    expect(fresh.keys.map(({ state }) => state)).to.deep.equal(['published', 'published', 'published']);
    const again = await holdfast('key', 'rotate', 'signing');
    expect([again.code, again.printed]).to.deep.equal([
      1,
      again.printed.match(/^A rotation is under way.*\n$/)?.[0],
    ]);
    const [stolen] = before.keys;
    const revoked = await json<{ replaced_by: Listed['keys'][0] }>('key', 'revoke', stolen?.id ?? '');
    expect(revoked.replaced_by).to.include({ id: fresh.keys[0]?.id, state: 'active' });
    const unknown = await holdfast('key', 'revoke', stolen?.id ?? '');
    expect(unknown.code).to.equal(1);
    const listed = await holdfast('key', 'list');
    expect(listed.printed).to.include(fresh.keys[0]?.id).and.include('waits for a pod to run');
    expect(listed.printed).to.not.include(stolen?.id);
  });

  it('lists, sets and unsets settings', async () => {
    type Shown = { version: number; settings: Record<string, { value: unknown; source: string }> };
    const before = await json<Shown>('settings', 'list');
    expect(before.settings.registration).to.deep.equal({ value: 'off', source: 'default' });
    const terms = ['terms_url=https://example.com/?a=b', 'terms_version=2026'];
    const tried = await json<Shown>('settings', 'set', ...terms, '--dry-run');
    expect(tried.settings.terms_version).to.deep.equal({ value: '2026', source: 'settings' });
    expect((await json<Shown>('settings', 'list')).version).to.equal(0);
    const set = await json<Shown>('settings', 'set', ...terms, 'access_token_seconds=60');
    expect(set).to.deep.equal({
      version: 1,
      settings: {
        terms_url: { value: 'https://example.com/?a=b', source: 'settings' },
        terms_version: { value: '2026', source: 'settings' },
        access_token_seconds: { value: 60, source: 'settings' },
      },
    });
    expect((await holdfast('settings', 'unset', 'access_token_seconds')).printed).to.match(
      /\b600\b.*default/,
    );
    for (const [args, says] of [
      [['set', 'colour=red'], 'colour is not a setting'],
      [['set', 'registration'], 'must be <name>=<value>'],
      [['set', 'registration=everybody', 'audit_admin_days=0'], 'registration must be one of open'],
      [['unset', 'terms_url'], 'terms_url is missing'],
    ] as const) {
      const refused = await holdfast('settings', ...args);
      expect(refused.code, refused.printed).to.equal(1);
      expect(refused.printed).to.include(says).and.not.include('    at ');
    }
  });
});

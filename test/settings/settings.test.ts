import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type Config, readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import {
  createSettings,
  type LiveSettings,
  settingNames,
  withSettings,
} from '../../src/settings/settings.ts';
import { testKeys } from '../support/pods.ts';
import { startCluster, type Topology } from '../support/redis-topologies.ts';

describe('settings that change while pods run', () => {
  const log = createLog('silent', 'test');
  let redis: Topology;
  let count = 0;
  let stores: Store[] = [];
  let opened: LiveSettings[] = [];

  before(async () => {
    redis = await startCluster();
  });
  after(() => redis?.stop());
  beforeEach(() => {
    count += 1;
  });
  afterEach(async () => {
    for (const settings of opened) settings.close();
    await Promise.all(stores.map((store) => store.close()));
    [stores, opened] = [[], []];
  });

  function configOf(environment: Record<string, string> = {}): Config {
    return readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
      HOLDFAST_REDIS_PREFIX: `settings-${count}:`,
      ...environment,
    });
  }

  /** The settings of one pod; all of a test share one Redis. */
  async function open(environment: Record<string, string> = {}) {
    const config = configOf(environment);
    const store = openStore(config, parseRedisUrl(redis.url), log);
    stores.push(store);
    await store.whenReady(5000);
    const settings = await createSettings({ store, log, config });
    opened.push(settings);
    return { settings, store, config: withSettings(config, settings) };
  }

  async function made<T>(work: Promise<{ ok: true; after: T } | { ok: false; problem: string }>): Promise<T> {
    const outcome = await work;
    if (!outcome.ok) throw new Error(`not changed: ${JSON.stringify(outcome)}`);
    return outcome.after;
  }

  it('are those of the environment, and say which are', async () => {
    const { settings } = await open({ HOLDFAST_REGISTRATION: 'open', HOLDFAST_SESSION_IDLE_SECONDS: '600' });
    const { version, values, sources } = await settings.read();
    expect(version).to.equal(0);
    expect(Object.keys(values)).to.have.members(settingNames);
    expect(values).to.include({
      registration: 'open',
      terms_url: null,
      second_factor: 'optional',
      console_second_factor: 'required',
      session_idle_seconds: 600,
      session_absolute_seconds: 90 * 24 * 60 * 60,
      access_token_seconds: 600,
    });
    expect(sources).to.include({
      registration: 'environment',
      session_idle_seconds: 'environment',
      session_absolute_seconds: 'default',
      terms_url: 'default',
      signing_key_days: 'default',
    });
    expect(settings.current()).to.deep.equal(values);
  });

  it('hold on another pod within a second, and on one that starts later', async () => {
    const [here, there] = [await open(), await open()];
    const heard: string[] = [];
    there.settings.onChange(({ registration }) => heard.push(registration));
    await made(here.settings.change(undefined, { registration: 'invitation', access_token_seconds: 60 }));
    const changedAt = performance.now();
    expect(here.config.registration).to.equal('invitation');
    while (there.config.registration !== 'invitation') await pause(10);
    expect(performance.now() - changedAt).to.be.lessThan(1000);
    expect(there.config.lifetimes.accessTokenSeconds).to.equal(60);
    expect(heard).to.deep.equal(['invitation']);
    const later = await open({ HOLDFAST_REGISTRATION: 'open' });
    expect(later.config.registration).to.equal('invitation');
    expect((await later.settings.read()).sources).to.include({
      registration: 'settings',
      access_token_seconds: 'settings',
      refresh_token_seconds: 'default',
    });
  });

  it('go back to the environment, each for itself', async () => {
    const { settings } = await open({ HOLDFAST_REGISTRATION: 'open' });
    await made(settings.change(undefined, { registration: 'off', signing_key_days: 7 }));
    const after = await made(settings.change(1, { registration: null }));
    expect(after).to.deep.include({ version: 2 });
    expect(after.values).to.include({ registration: 'open', signing_key_days: 7 });
    expect(after.sources).to.include({ registration: 'environment', signing_key_days: 'settings' });
    expect(await settings.read()).to.deep.equal(after);
  });

  it('are changed as they were seen, or not at all', async () => {
    const { settings } = await open();
    await made(settings.change(0, { audit_people_days: 30 }));
    expect(await settings.change(0, { audit_people_days: 31 })).to.deep.equal({
      ok: false,
      problem: 'changed',
    });
    expect((await settings.read()).values.audit_people_days).to.equal(30);
  });

  it('count each change once, however many come at the same moment from two pods', async () => {
    const pods = [await open(), await open()];
    const at = (i: number) => pods[i % 2]?.settings as LiveSettings;
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, i) => at(i).change(0, { audit_people_days: i + 10 })),
    );
    expect(seen.filter(({ ok }) => ok)).to.have.lengthOf(1);
    await Promise.all(
      settingNames
        .filter((name) => name.endsWith('_days'))
        .flatMap((name) => [40, 50, 60].map((days, i) => made(at(i).change(undefined, { [name]: days })))),
    );
    expect((await at(0).read()).version).to.equal(10);
  });

  it('are only looked at in a dry run', async () => {
    const { settings } = await open();
    const after = await made(settings.change(undefined, { registration: 'open' }, { isDryRun: true }));
    expect(after.values.registration).to.equal('open');
    expect(after.version).to.equal(1);
    expect((await settings.read()).values.registration).to.equal('off');
    expect((await settings.read()).version).to.equal(0);
  });

  it('stay at their version when nothing changes', async () => {
    const { settings } = await open();
    await made(settings.change(undefined, { second_factor: 'required' }));
    const again = await made(settings.change(undefined, { second_factor: 'required', terms_url: null }));
    expect(again.version).to.equal(1);
  });

  describe('are refused', () => {
    const cases: [changes: Record<string, unknown>, path: string, says: RegExp][] = [
      [{ registration: 'everybody' }, 'registration', /open, invitation, off/],
      [{ session_idle_seconds: 59 }, 'session_idle_seconds', /from 60 to/],
      [{ session_idle_seconds: 60.5 }, 'session_idle_seconds', /whole number/],
      [{ session_idle_seconds: '60' }, 'session_idle_seconds', /whole number/],
      [{ access_token_seconds: 86_401 }, 'access_token_seconds', /to 86400/],
      [{ signing_key_days: -1 }, 'signing_key_days', /from 0/],
      [{ audit_admin_days: 29 }, 'audit_admin_days', /from 30/],
      [{ audit_people_days: 6 }, 'audit_people_days', /from 7/],
      [{ kept: '[]' }, 'kept', /is not a setting/],
      [{ console_second_factor: 'none' }, 'console_second_factor', /required/],
      [{ terms_url: 'javascript:alert(1)', terms_version: '1' }, 'terms_url', /web address/],
      [{ terms_url: 'https://example.com/terms', terms_version: '<b>' }, 'terms_version', /letters/],
      [{ terms_url: 'https://example.com/terms' }, 'terms_version', /belong together/],
      [{ terms_version: '1' }, 'terms_url', /belong together/],
      [{ session_absolute_seconds: 3600 }, 'session_absolute_seconds', /not be less than/],
      [{ colour: 'red' }, 'colour', /is not a setting/],
      [{ constructor: 'red' }, 'constructor', /is not a setting/],
      [{ v: null }, 'v', /is not a setting/],
      [{ longest: 1 }, 'longest', /is not a setting/],
    ];
    for (const [changes, path, says] of cases) {
      it(`as ${JSON.stringify(changes)}`, async () => {
        const { settings } = await open();
        const refused = await settings.change(undefined, changes);
        expect(refused).to.include({ ok: false, problem: 'invalid' });
        const faults = !refused.ok && refused.problem === 'invalid' ? refused.faults : [];
        expect(faults.map((fault) => fault.path)).to.deep.equal([path]);
        expect(faults[0]?.message).to.match(says);
        expect((await settings.read()).version).to.equal(0);
      });
    }
  });

  it('leave alone what another version of Holdfast has written and this one does not know', async () => {
    const { settings, store } = await open();
    await store.call(
      'HSET',
      store.keys.settings(),
      'colour',
      '"red"',
      'registration',
      '"by-pigeon"',
      'v',
      '4',
    );
    const { version, values } = await settings.read();
    expect([version, values.registration]).to.deep.equal([4, 'off']);
    await made(settings.change(4, { audit_people_days: 10 }));
    expect(await store.read(store.keys.settings())).to.include({
      colour: '"red"',
      registration: '"by-pigeon"',
    });
  });

  it('keep events for another week as long as before when that is shortened, on every pod', async () => {
    const pods = [await open(), await open()];
    const [one, two] = pods.map(({ settings }) => settings) as [LiveSettings, LiveSettings];
    await made(one.change(undefined, { audit_admin_days: 400 }));
    expect(one.auditDays()).to.deep.equal({ admin: 400, people: 90 });
    // However often it is shortened, and whatever comes between.
    for (let days = 60; days >= 30; days -= 1) await made(one.change(undefined, { audit_admin_days: days }));
    await made(two.change(undefined, { audit_people_days: 7, second_factor: 'required' }));
    await made(two.change(undefined, { audit_people_days: 20 }));
    await made(two.change(undefined, { audit_people_days: null }));
    await made(two.change(undefined, { audit_people_days: 8 }));
    expect(two.auditDays()).to.deep.equal({ admin: 400, people: 90 });
    while (one.current().audit_people_days !== 8) await pause(20);
    expect(one.auditDays()).to.deep.equal({ admin: 400, people: 90 });

    const { keptLonger, auditDaysOf, readKeptLonger } = await import('../../src/settings/audit-days.ts');
    const { store } = pods[0] as (typeof pods)[0];
    const kept = readKeptLonger((await store.read(store.keys.settings()))?.kept);
    expect(kept.length).to.be.at.most(4);
    const { values } = await one.read();
    const day = 24 * 60 * 60 * 1000;
    expect(auditDaysOf(values, kept, Date.now() + 6.9 * day)).to.deep.equal({ admin: 400, people: 90 });
    expect(auditDaysOf(values, kept, Date.now() + 8.1 * day)).to.deep.equal({ admin: 30, people: 8 });
    const later = keptLonger(kept, values, { ...values, audit_people_days: 7 }, Date.now() + 8.1 * day);
    expect(later.map(({ setting, days }) => [setting, days])).to.deep.equal([['audit_people_days', 8]]);
  });

  it('remember the longest that a token was ever allowed to live', async () => {
    const { settings } = await open({ HOLDFAST_REFRESH_TOKEN_SECONDS: '600' });
    const day = 24 * 60 * 60;
    expect(settings.longestLifetimeSeconds()).to.equal(90 * day);
    await made(settings.change(undefined, { session_absolute_seconds: 300 * day }));
    await made(settings.change(undefined, { session_absolute_seconds: 20 * day }));
    expect(settings.longestLifetimeSeconds()).to.equal(300 * day);
    expect((await open()).settings.longestLifetimeSeconds()).to.equal(300 * day);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Config, ConfigFaults, readConfig } from '../src/config.ts';
import { testKeys } from './support/pods.ts';
import { startProcess } from './support/processes.ts';

describe('the configuration', () => {
  const least = {
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: 'redis://127.0.0.1:6379',
  };

  const read = (environment: Record<string, string> = {}): Config => readConfig({ ...least, ...environment });

  function faultsOf(environment: Record<string, string | undefined>): string[] {
    try {
      readConfig({ ...least, ...environment });
    } catch (error) {
      expect(error).to.be.instanceOf(ConfigFaults);
      return (error as ConfigFaults).faults;
    }
    return [];
  }

  /** The one fault there is, which names the variable. */
  function faultOf(name: string, value: string | undefined): string {
    const faults = faultsOf({ [name]: value });
    expect(faults, `${name}=${value}`).to.have.lengthOf(1);
    expect(faults[0]).to.match(new RegExp(`^${name}\\b`));
    expect(faults[0]).not.to.match(/undefined|\[object|NaN/);
    return faults[0] ?? '';
  }

  it('needs no more than an issuer, keys and a Redis', () => {
    const config = read();
    expect(config.issuer).to.equal('https://id.example.com');
    expect(config.isLocal).to.equal(false);
    expect(config.lifetimes.sessionAbsoluteSeconds).to.be.at.least(config.lifetimes.sessionIdleSeconds);
    expect(Object.isFrozen(config)).to.equal(true);
  });

  it('says what is missing', () => {
    expect(faultOf('HOLDFAST_ISSUER', undefined)).to.include('is required');
    expect(faultOf('HOLDFAST_KEYS', undefined)).to.include('is required');
    expect(faultsOf({ HOLDFAST_ISSUER: undefined, HOLDFAST_KEYS: '' })).to.have.lengthOf(2);
  });

  it('names every fault at once', () => {
    const wrong = {
      HOLDFAST_ISSUER: 'id.example.com',
      HOLDFAST_KEYS: 'short',
      REDIS_URL: 'http://redis',
      HOLDFAST_PORT: '70000',
      HOLDFAST_POD: 'a pod',
      HOLDFAST_LOG_LEVEL: 'loud',
      HOLDFAST_DURABLE_FSYNC: 'perhaps',
      HOLDFAST_SESSION_IDLE_SECONDS: '1',
      HOLDFAST_RESOURCES: 'api read',
      HOLDFAST_NONSENSE: '1',
    };
    const faults = faultsOf(wrong);
    expect(faults.map((fault) => fault.split(' ')[0])).to.have.members(Object.keys(wrong));
  });

  describe('wants of an issuer', () => {
    for (const [what, value] of [
      ['that it is a URL', 'id.example.com'],
      ['https', 'ftp://id.example.com'],
      ['no path', 'https://id.example.com/tenant'],
      ['no query', 'https://id.example.com/?x'],
      ['no fragment', 'https://id.example.com/#x'],
      ['no credentials', 'https://user:hunter2@id.example.com'],
      ['https in production', 'http://id.example.com'],
    ] as const) {
      it(what, () => {
        expect(faultOf('HOLDFAST_ISSUER', value)).not.to.include('hunter2');
      });
    }

    it('one spelling', () => {
      for (const value of [
        'https://id.example.com/',
        'HTTPS://ID.example.com',
        'https://id.example.com:443',
      ]) {
        expect(read({ HOLDFAST_ISSUER: value }).issuer).to.equal('https://id.example.com');
      }
    });

    it('http only where that is allowed for a trial', () => {
      const http = { HOLDFAST_ISSUER: 'http://id.example.com' };
      expect(read({ ...http, HOLDFAST_UNSAFE_ALLOW_HTTP: 'true' }).issuer).to.equal('http://id.example.com');
      expect(faultsOf(http)[0]).to.include('HOLDFAST_UNSAFE_ALLOW_HTTP');
    });
  });

  it('takes several keys, the current one first, and refuses what is no key', () => {
    const key = (byte: number, size = 32) => Buffer.alloc(size, byte).toString('base64url');
    const { vaultKeys } = read({ HOLDFAST_KEYS: `new:${key(1)}, old:${key(2)}\nolder:${key(3)}` });
    expect(vaultKeys.map(({ id }) => id)).to.deep.equal(['new', 'old', 'older']);
    expect(vaultKeys[0]?.secret).to.deep.equal(Buffer.alloc(32, 1));
    for (const wrong of [
      `a:${key(9, 31)}`,
      `a:${key(9, 33)}`,
      key(9),
      `:${key(9)}`,
      `a b:${key(9)}`,
      `a.b:${key(9)}`,
      `a:${key(9)},a:${key(8)}`,
      `a:${key(9)},b`,
      ',',
      'a:',
    ]) {
      expect(faultOf('HOLDFAST_KEYS', wrong)).not.to.include(key(9).slice(0, 12));
    }
  });

  it('takes whole numbers within their bounds', () => {
    expect(read({ HOLDFAST_PORT: '0' }).port).to.equal(0);
    expect(read({ HOLDFAST_SESSION_IDLE_SECONDS: '60' }).lifetimes.sessionIdleSeconds).to.equal(60);
    for (const wrong of [
      '-1',
      '1.5',
      '1e3',
      '0x10',
      ' 1',
      '1 ',
      'one',
      '65536',
      '99999999999999999999',
      '١',
    ]) {
      faultOf('HOLDFAST_PORT', wrong);
    }
    expect(faultOf('HOLDFAST_SESSION_IDLE_SECONDS', '59')).to.include('60');
  });

  it('takes true and false', () => {
    for (const [text, value] of [
      ['true', true],
      ['1', true],
      ['false', false],
      ['0', false],
    ] as const) {
      expect(read({ HOLDFAST_UNSAFE_ALLOW_EVICTION: text }).redis.allowEviction).to.equal(value);
    }
    for (const wrong of ['yes', 'TRUE', 'on', '2']) faultOf('HOLDFAST_UNSAFE_ALLOW_EVICTION', wrong);
  });

  it('takes an empty variable for one that was left out', () => {
    const config = read({ HOLDFAST_PORT: '', HOLDFAST_RESOURCES: '', HOLDFAST_POD: '' });
    expect(config.port).to.equal(3000);
    expect(config.resources).to.deep.equal({});
    expect(config.pod).not.to.equal('');
  });

  it('reads resources with their scopes', () => {
    const { resources } = read({
      HOLDFAST_RESOURCES: 'https://api.example read write;  urn:files files:read ; ',
    });
    expect(resources).to.deep.equal({ 'https://api.example': 'read write', 'urn:files': 'files:read' });
    faultOf('HOLDFAST_RESOURCES', 'https://api.example read; api write');
  });

  it('lets people register in local mode alone, unless it is told otherwise', () => {
    expect(read().registration).to.equal('off');
    expect(read({ HOLDFAST_REGISTRATION: 'invitation' }).registration).to.equal('invitation');
    const local = { HOLDFAST_ISSUER: least.HOLDFAST_ISSUER, HOLDFAST_KEYS: testKeys };
    expect(readConfig(local).registration).to.equal('open');
    expect(readConfig({ ...local, HOLDFAST_REGISTRATION: 'off' }).registration).to.equal('off');
    expect(faultOf('HOLDFAST_REGISTRATION', 'maybe')).to.include('open, invitation or off');
  });

  it('takes terms with their version, and neither alone', () => {
    expect(read().terms).to.equal(undefined);
    const terms = { HOLDFAST_TERMS_URL: 'https://example.com/terms', HOLDFAST_TERMS_VERSION: '2026-11' };
    expect(read(terms).terms).to.deep.equal({ url: 'https://example.com/terms', version: '2026-11' });
    for (const name of ['HOLDFAST_TERMS_URL', 'HOLDFAST_TERMS_VERSION'] as const) {
      expect(faultsOf({ [name]: terms[name] })).to.have.lengthOf(1);
    }
    expect(faultsOf({ ...terms, HOLDFAST_TERMS_URL: 'javascript:alert(1)' })[0]).to.include('web address');
  });

  it('refuses what contradicts itself', () => {
    const [session] = faultsOf({
      HOLDFAST_SESSION_IDLE_SECONDS: '7200',
      HOLDFAST_SESSION_ABSOLUTE_SECONDS: '3600',
    });
    expect(session)
      .to.include('HOLDFAST_SESSION_ABSOLUTE_SECONDS')
      .and.include('HOLDFAST_SESSION_IDLE_SECONDS');
    const [pool] = faultsOf({ HOLDFAST_HASH_CONCURRENCY: '4', UV_THREADPOOL_SIZE: '4' });
    expect(pool).to.include('HOLDFAST_HASH_CONCURRENCY').and.include('UV_THREADPOOL_SIZE');
  });

  it('does not know every name, and says which was likely meant', () => {
    const [fault] = faultsOf({ HOLDFAST_SESSION_IDLE: '3600' });
    expect(fault).to.include('HOLDFAST_SESSION_IDLE is not a setting');
    expect(fault).to.include('HOLDFAST_SESSION_IDLE_SECONDS');
    expect(faultsOf({ HOLDFAST_ZZZ: 'x' })[0]).not.to.include('mean');
    expect(faultsOf({ HOLDFAST: 'x', HOME: '/root', REDIS_URLS: 'x' })).to.deep.equal([]);
  });

  describe('can be read from files', () => {
    let directory: string;
    before(() => {
      directory = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
    });
    after(() => rmSync(directory, { recursive: true }));

    const file = (content: string) => {
      const path = join(directory, `${Math.random()}`);
      writeFileSync(path, content);
      return path;
    };

    it('each variable, without the line end', () => {
      const config = readConfig({
        HOLDFAST_ISSUER_FILE: file('https://id.example.com\n'),
        HOLDFAST_KEYS_FILE: file(`${testKeys}\n`),
        REDIS_URL_FILE: file('redis://127.0.0.1:6379\r\n'),
      });
      expect(config).to.deep.equal(read());
    });

    it('but not twice', () => {
      const [fault] = faultsOf({ HOLDFAST_KEYS_FILE: file(testKeys) });
      expect(fault).to.include('HOLDFAST_KEYS_FILE').and.include('both');
    });

    it('and a fault in one names the variable', () => {
      const faults = faultsOf({ HOLDFAST_PORT_FILE: file('many') });
      expect(faults).to.have.lengthOf(1);
      expect(faults[0]).to.match(/^HOLDFAST_PORT/);
    });

    it('and one that cannot be read is a fault', () => {
      for (const path of [join(directory, 'missing'), directory]) {
        const [fault] = faultsOf({ HOLDFAST_PORT_FILE: path });
        expect(fault).to.match(/^HOLDFAST_PORT_FILE\b.*cannot be read/);
      }
    });

    it('and a secret that was put there instead of a path is not shown', () => {
      const faults = faultsOf({ HOLDFAST_KEYS: undefined, HOLDFAST_KEYS_FILE: testKeys });
      expect(faults.join('\n')).to.include('HOLDFAST_KEYS_FILE').and.not.include(testKeys.split(':')[1]);
    });
  });

  it('stops the process with every fault, code 1 and no secret', async () => {
    const secrets = ['hunter2hunter2', Buffer.alloc(31, 5).toString('base64url')];
    const pod = startProcess(process.execPath, ['src/main.ts'], {
      HOLDFAST_ISSUER: 'nonsense',
      HOLDFAST_KEYS: `k:${secrets[1]}`,
      REDIS_URL: `redis://user:${secrets[0]}@:wrong`,
      HOLDFAST_PORT: 'x',
      HOLDFAST_SESION_IDLE_SECONDS: '60',
    });
    expect(await pod.ended).to.equal(1);
    const output = pod.output();
    for (const name of [
      'HOLDFAST_ISSUER',
      'HOLDFAST_KEYS',
      'REDIS_URL',
      'HOLDFAST_PORT',
      'HOLDFAST_SESION_IDLE_SECONDS',
    ]) {
      expect(output).to.match(new RegExp(`^ {2}- ${name} `, 'm'));
    }
    expect(output).to.include('did you mean HOLDFAST_SESSION_IDLE_SECONDS?');
    for (const secret of secrets) expect(output).not.to.include(secret);
    expect(output).not.to.match(/\n\s+at /);
  });
});

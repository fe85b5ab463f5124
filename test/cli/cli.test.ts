import { expect } from 'chai';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { holdfast as run } from './run-command.ts';

describe('the command line', () => {
  let redis: Topology;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(() => redis.stop());

  const holdfast = (args: string[], input = '', environment: Record<string, string> = {}) =>
    run(redis.url, args, { input, environment });

  it('creates an account, whose password comes from standard input', async () => {
    const made = await holdfast(
      ['account', 'create', 'Ada@Example.com', '--name', 'Ada Lovelace', '--json'],
      'correct horse battery\n',
    );
    expect(made, made.err).to.include({ code: 0 });
    expect(JSON.parse(made.out)).to.have.keys('id', 'email');
    const listed = await holdfast(['account', 'list']);
    expect(listed.out).to.include('Ada@example.com').and.include('active');
  });

  it('says what is wrong with an account, and makes none', async () => {
    const cases: [args: string[], input: string, says: string][] = [
      [['account', 'create', 'short@example.com'], 'short', 'at least 15 characters'],
      [['account', 'create', 'short@example.com'], '', 'standard input'],
      [['account', 'create', 'not an address'], 'correct horse battery', 'not an e-mail address'],
      [['account', 'create', 'ada@EXAMPLE.com'], 'correct horse battery', 'already'],
      [['account', 'set-password', 'nobody@example.com'], 'correct horse battery', 'no such account'],
    ];
    for (const [args, input, says] of cases) {
      const ended = await holdfast(args, input);
      expect(ended.code, args.join(' ')).to.equal(1);
      expect(ended.err).to.include(says);
      expect(ended.err).to.not.include('    at ');
    }
    expect((await holdfast(['account', 'list'])).out).to.not.include('short@example.com');
  });

  it('takes no password on the command line', async () => {
    const run = await holdfast([
      'account',
      'create',
      'eve@example.com',
      '--password',
      'correct horse battery',
    ]);
    expect(run.code).to.equal(1);
    expect(run.err).to.include('unknown option');
  });

  it('creates clients of each kind, and prints a secret once', async () => {
    const web = await holdfast([
      ...[
        'client',
        'create',
        'Harbour Notes',
        '--redirect-uri',
        'https://notes.example.com/callback',
        '--json',
      ],
    ]);
    expect(web.code, web.err).to.equal(0);
    const made = JSON.parse(web.out);
    expect(made.client_secret).to.match(/^[\w-]{43}$/);
    const spa = await holdfast([
      ...[
        'client',
        'create',
        'App',
        '--kind',
        'spa',
        '--id',
        'app',
        '--redirect-uri',
        'https://app.example.com/',
      ],
    ]);
    expect(spa.out).to.include('client_id      app').and.not.include('client_secret');
    const service = await holdfast(['client', 'create', 'Robot', '--kind', 'service']);
    expect(service.out).to.include('client_secret');
    const listed = await holdfast(['client', 'list', '--json']);
    expect(listed.out).to.not.include(made.client_secret);
    expect(JSON.parse(listed.out).clients).to.have.lengthOf(3);
  });

  it('keeps what a client asks of a second factor, and knows no other rule', async () => {
    const args = ['client', 'create', 'Safe', '--id', 'safe', '--redirect-uri', 'https://safe.example/cb'];
    expect((await holdfast([...args, '--second-factor', 'required'])).code).to.equal(0);
    const list = await holdfast(['client', 'list', '--json']);
    expect(list.out).to.include('"second_factor":"required"');
    const other = await holdfast([...args, '--second-factor', 'sometimes']);
    expect(other.code).to.equal(1);
    expect(other.err).to.include('required-always');
  });

  it('says what does not make a client, and makes none', async () => {
    const cases: [args: string[], says: string][] = [
      [['No redirect'], '--redirect-uri'],
      [['Bad', '--redirect-uri', 'not a uri'], 'redirect_uris'],
      [['Bad', '--redirect-uri', 'https://x.example/#fragment'], 'redirect_uris'],
      [['Bad', '--id', 'a{b}', '--redirect-uri', 'https://x.example/'], '--id'],
      [['Taken', '--id', 'app', '--redirect-uri', 'https://x.example/'], 'already'],
    ];
    for (const [args, says] of cases) {
      const run = await holdfast(['client', 'create', ...args]);
      expect(run.code, args.join(' ')).to.equal(1);
      expect(run.err).to.include(says);
      expect(run.err).to.not.include('    at ');
    }
  });

  it('says that Redis is away, and names a faulty setting', async () => {
    const away = await holdfast(['account', 'list'], '', { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(away.code).to.equal(1);
    expect(away.err).to.include('Redis cannot be reached');
    const faulty = await holdfast(['account', 'list'], '', { HOLDFAST_KEYS: 'nonsense' });
    expect(faulty.code).to.equal(1);
    expect(faulty.err).to.include('HOLDFAST_KEYS');
  });
});

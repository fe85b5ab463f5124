import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('the commands that bring accounts in and out', () => {
  let redis: Topology;
  let directory: string;
  const running = new Set<ChildProcess>();

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    directory = mkdtempSync(join(tmpdir(), 'holdfast-transfer-'));
  });
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await redis?.stop();
    rmSync(directory, { recursive: true });
  });

  const file = (name: string) => join(directory, name);

  function start(args: string[], prefix: string): ChildProcess {
    const child = spawn(process.execPath, ['src/cli/holdfast.ts', 'account', ...args], {
      env: {
        PATH: process.env.PATH,
        REDIS_URL: redis.url,
        HOLDFAST_ISSUER: 'https://id.example.com',
        HOLDFAST_KEYS: testKeys,
        HOLDFAST_REDIS_PREFIX: prefix,
        HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  async function holdfast(args: string[], prefix: string) {
    const child = start(args, prefix);
    if (!child.stdout || !child.stderr) throw new Error('no pipes');
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, out, err };
  }

  it('import with a report, fail when a row was refused, and export what was imported', async () => {
    writeFileSync(
      file('in.csv'),
      'email,name,password_hash\nada@example.com,Ada,$2b$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve\nbea@example.com,Bea,\nnobody,,\n',
    );
    const args = ['import', '--file', file('in.csv'), '--format', 'csv', '--report', file('report')];
    const dry = await holdfast([...args, '--dry-run'], 'one:');
    expect(dry, dry.err).to.include({ code: 1 });
    expect(dry.out).to.include('Would create 2 (1 without a password)').and.include('Nothing was changed');

    const run = await holdfast(args, 'one:');
    expect(run.code, run.err).to.equal(1);
    expect(run.out).to.include('line 4, nobody: not an e-mail address').and.include('Created 2');
    const report = readFileSync(file('report'), 'utf8').trim().split('\n');
    expect(report.map((line) => JSON.parse(line).outcome)).to.deep.equal(['created', 'created', 'refused']);
    expect(statSync(file('report')).mode & 0o777).to.equal(0o600);

    const plain = await holdfast(['export', '--file', file('plain')], 'one:');
    expect(plain, plain.err).to.include({ code: 0, err: '' });
    expect(readFileSync(file('plain'), 'utf8'))
      .to.include('ada@example.com')
      .and.not.include('$2b$');
    const again = await holdfast(['export', '--file', file('plain')], 'one:');
    expect(again.code).to.equal(1);
    expect(again.err).to.equal(`There is a file ${file('plain')} already.\n`);

    const hashes = await holdfast(['export', '--file', file('hashes'), '--with-hashes'], 'one:');
    expect(hashes.err).to.include('password hashes');
    expect(statSync(file('hashes')).mode & 0o777).to.equal(0o600);
    expect(existsSync(`${file('hashes')}.part`)).to.equal(false);
    const back = await holdfast(
      ['import', '--file', file('hashes'), '--format', 'holdfast', '--json'],
      'two:',
    );
    expect(back.code, back.err).to.equal(0);
    expect(JSON.parse(back.out)).to.include({ created: 2, skipped: 0, refused: 0, withoutPassword: 1 });
  });

  it('say what is missing, and touch nothing', async () => {
    const cases: [args: string[], says: string][] = [
      [['import', '--file', file('none'), '--format', 'csv'], 'cannot be read (ENOENT)'],
      [['import', '--file', file('none'), '--format', 'ldif'], 'Allowed choices'],
      [['import', '--file', file('in.csv')], '--format'],
      [['export', '--file', file('no/such/place')], 'cannot be written (ENOENT)'],
    ];
    for (const [args, says] of cases) {
      const run = await holdfast(args, 'three:');
      expect(run.code, args.join(' ')).to.equal(1);
      expect(run.err).to.include(says).and.not.include('    at ');
    }
  });

  it('lose and double nothing when the import is killed and run again', async () => {
    const count = 1500;
    const rows = Array.from({ length: count }, (_, i) =>
      JSON.stringify({ email: `person-${i}@example.com` }),
    );
    writeFileSync(file('many'), rows.join('\n'));
    const args = ['import', '--file', file('many'), '--format', 'holdfast', '--report', file('many-report')];
    const child = start(args, 'many:');
    const ended = once(child, 'exit');
    const reported = () => (existsSync(file('many-report')) ? readFileSync(file('many-report'), 'utf8') : '');
    while (reported().split('\n').length < 100 && child.exitCode === null) await pause(5);
    child.kill('SIGKILL');
    await ended;
    expect(child.signalCode).to.equal('SIGKILL');
    const acknowledged = reported().split('\n').length - 1;
    expect(acknowledged).to.be.within(99, count - 1);

    const again = await holdfast([...args, '--json'], 'many:');
    expect(again.code, again.err).to.equal(0);
    const { created, skipped } = JSON.parse(again.out);
    expect(created + skipped).to.equal(count);
    expect(skipped).to.be.at.least(acknowledged);
    const third = await holdfast([...args, '--json'], 'many:');
    expect(JSON.parse(third.out)).to.include({ created: 0, skipped: count, refused: 0 });
    await holdfast(['export', '--file', file('many-out')], 'many:');
    const emails = readFileSync(file('many-out'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).email);
    expect(emails).to.have.lengthOf(count);
    expect(new Set(emails)).to.have.property('size', count);
  });
});

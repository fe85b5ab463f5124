import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Parts } from '../../src/app.ts';
import { readDeclaration } from '../../src/cli/declared-file.ts';
import { CommandFailed } from '../../src/cli/run.ts';
import { must, operator, trailOf, usePods } from '../admin/admin-fixture.ts';
import { holdfast } from './run-command.ts';

const file = `
managed_by: platform
resources:
  https://orders.example.com:
    name: Orders
    scopes: { "orders:read": See orders, "orders:write": }
roles:
  help-desk:
    name: Help desk
    permissions: ["accounts:read", "sessions:end"]
    claims: { level: 3, languages: [en, de] }
groups:
  support: { name: Support, roles: [help-desk] }
settings:
  terms_url: https://example.com/terms
  terms_version: "1"
clients:
  orders-web:
    kind: web
    client_name: Orders
    redirect_uris: ["https://orders.example.com/callback"]
    resources: ["https://orders.example.com"]
`;

describe('holdfast apply', () => {
  const pods = usePods();
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-apply-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function write(text: string, name = 'holdfast.yaml'): string {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  }

  const run = (args: string[], environment: Record<string, string> = {}) =>
    holdfast(pods.redis.url, args, { environment });

  /** The same as the command does, without a process of its own. */
  async function apply(
    text: string,
    { prunes = false, on = pods.one }: { prunes?: boolean; on?: Parts } = {},
  ) {
    const { declaration } = await readDeclaration(write(text));
    return on.admin.declarations.apply(declaration, { actor: operator(), prunes });
  }

  async function changesOf(text: string, prunes = false): Promise<string[]> {
    const { declaration } = await readDeclaration(write(text));
    const plan = await pods.one.admin.declarations.plan(declaration, { actor: operator(), prunes });
    if (!plan.ok) throw new Error(JSON.stringify(plan.refusals));
    return plan.changes.map(({ action, kind, id }) => `${action} ${kind} ${id}`);
  }

  it('makes what is not there, and nothing the second time', async () => {
    const { admin } = pods.one;
    const path = write(file);
    const dry = await run(['apply', '-f', path, '--dry-run']);
    expect(dry.code, dry.err).to.equal(0);
    expect(dry.out).to.include('+ role help-desk').and.include('4 to make, 1 to change, 0 to take away');
    expect((await admin.roles.find('help-desk')).ok).to.equal(false);
    const diff = await run(['diff', '-f', path]);
    expect(diff.code, diff.err).to.equal(2);
    expect(diff.out).to.equal(dry.out);

    const applied = await run(['apply', '-f', path]);
    expect(applied.code, applied.err).to.equal(0);
    expect(applied.out).to.match(/client_secret {2}[\w-]{43}\n/);
    expect(must(await admin.roles.find('help-desk'))).to.deep.include({
      name: 'Help desk',
      permissions: ['accounts:read', 'sessions:end'],
      claims: { level: 3, languages: ['en', 'de'] },
    });
    expect((await admin.settings.read()).values.terms_version).to.equal('1');
    expect(must(await admin.clients.find('orders-web')).metadata.client_name).to.equal('Orders');

    expect((await run(['diff', '-f', path])).code).to.equal(0);
    const again = await run(['apply', '-f', path, '--json']);
    expect(JSON.parse(again.out)).to.deep.equal({ changes: [], secrets: [] });
  });

  it('shows and makes what differs, field by field', async () => {
    const { admin } = pods.one;
    const text = file.replace('Help desk', 'Front desk').replace('"sessions:end"', '"sessions:read"');
    const diff = await run(['diff', '-f', write(text)]);
    expect(diff.code).to.equal(2);
    expect(diff.out).to.include('~ role help-desk\n    name: "Help desk" → "Front desk"');
    expect(diff.out).to.include(
      'permissions: ["accounts:read","sessions:end"] → ["accounts:read","sessions:read"]',
    );
    expect((await apply(text)).ok).to.equal(true);
    expect(must(await admin.roles.find('help-desk')).name).to.equal('Front desk');
    // What somebody changed by hand is put back.
    must(await admin.roles.update(operator(), 'help-desk', { name: 'Mine' }));
    must(await admin.clients.update(operator(), 'orders-web', { client_uri: 'https://orders.example.com' }));
    expect(await changesOf(text)).to.deep.equal(['update role help-desk', 'update client orders-web']);
    expect((await apply(text)).ok).to.equal(true);
    expect(await changesOf(text)).to.deep.equal([]);
    expect(must(await admin.clients.find('orders-web')).metadata).to.not.have.property('client_uri');
  });

  it('does each change as an act of the operator, which the audit has', async () => {
    const changed = (await trailOf(pods.one)).filter(({ kind }) => kind === 'role.updated');
    expect(changed.length).to.be.greaterThan(0);
    expect(changed[0]).to.deep.include({
      via: 'cli',
      outcome: 'success',
      before: { name: 'Help desk', permissions: ['accounts:read', 'sessions:end'] },
    });
  });

  describe('names each mistake by its line and key:', () => {
    const inFile: Record<string, [text: string, says: string[]]> = {
      'a field that is mistyped': ['roles:\n  x: { nmae: X }\n', ['line 2: roles.x.nmae is not known here']],
      'a section that there is not': ['role:\n  x: {}\n', ['line 1: role is not known here']],
      'several at once': [
        'roles:\n  x:\n    permissions:\n      - accounts:read\n      - acounts:read\n  y: { nam: Y }\n',
        ['line 5: ', '"acounts:read" is no permission', 'line 6: roles.y.nam'],
      ],
      'a setting that there is not': [
        'settings:\n  registratoin: open\n',
        ['line 2: settings.registratoin is not known here'],
      ],
      'metadata that there is not': [
        'clients:\n  web:\n    redirect_uri: https://x.example\n',
        ['line 3: clients.web.redirect_uri'],
      ],
      'a secret': [
        'clients:\n  web:\n    secret: hunter2-hunter2\n',
        ['line 3: ', 'has no place in this file'],
      ],
      'a key that is there twice': ['roles:\n  x: {}\n  x: {}\n', ['line 3: ', 'unique']],
      'what is no YAML': ['roles: [\n', ['line ']],
      'what is no list of things': ['just a text\n', ['must have any of managed_by']],
      'a variable that is not set': [
        'clients:\n  web: { secret: { env: HOLDFAST_TEST_NOT_SET } }\n',
        ['clients.web.secret', 'HOLDFAST_TEST_NOT_SET is not set'],
      ],
      'a file that is not there': [
        'clients:\n  web: { secret: { file: nowhere } }\n',
        ['clients.web.secret: nowhere cannot be read (ENOENT)'],
      ],
    };
    for (const [what, [text, says]] of Object.entries(inFile)) {
      it(what, async () => {
        const error = await readDeclaration(write(text)).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(CommandFailed);
        const { message } = error as CommandFailed;
        for (const one of says) expect(message).to.include(one);
        expect(message).to.not.include('hunter2');
      });
    }

    it('what does not fit together or refers to nothing, and then nothing is changed', async () => {
      const text = [
        'settings:',
        '  session_absolute_seconds: 61',
        'roles:',
        '  new-one: {}',
        'groups:',
        '  lost: { roles: [nowhere] }',
        'resources:',
        '  orders: {}',
      ].join('\n');
      const applied = await run(['apply', '-f', write(text)]);
      expect(applied.code).to.equal(1);
      expect(applied.err).to.include('settings.settings: session_absolute_seconds');
      expect(applied.err).to.include('line 6: groups.lost: ').and.include('nowhere');
      expect(applied.err).to.include('line 8: resources.orders: indicator');
      expect(applied.err).to.not.include('    at ');
      expect((await pods.one.admin.roles.find('new-one')).ok).to.equal(false);
    });
  });

  it('takes a secret from the environment or a file, and changes it when that changes', async () => {
    const { admin } = pods.one;
    const [first, second, third] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)];
    write(`${first}\n`, 'robot-secret');
    const path = write(
      [
        'clients:',
        '  robot: { kind: service, secret: { file: robot-secret } }',
        '  arm: { kind: service, secret: { env: ARM_SECRET } }',
      ].join('\n'),
    );
    const applied = await run(['apply', '-f', path], { ARM_SECRET: second });
    expect(applied.code, applied.err).to.equal(0);
    expect(applied.out).to.not.include(first).and.not.include(second).and.not.include('client_secret  ');
    expect(await admin.clients.hasSecret('robot', first)).to.equal(true);
    expect(await admin.clients.hasSecret('arm', second)).to.equal(true);

    const diff = await run(['diff', '-f', path], { ARM_SECRET: third });
    expect(diff.code).to.equal(2);
    expect(diff.out).to.include('~ client arm\n    another secret').and.not.include('robot');
    expect((await run(['apply', '-f', path], { ARM_SECRET: third })).code).to.equal(0);
    for (const secret of [second, third]) {
      expect(await admin.clients.hasSecret('arm', secret)).to.equal(true);
    }
    expect(JSON.stringify(await trailOf(pods.one))).to.not.match(/a{40}|b{40}|c{40}/);
  });

  it('takes away what it made and nothing else, and only when told to', async () => {
    const { admin } = pods.one;
    must(await admin.roles.create(operator(), 'by-hand', {}));
    must(await admin.settings.change(operator(), { second_factor: 'none' }));
    const text = 'managed_by: platform\nroles:\n  by-hand: { name: Changed by a file }\n';
    expect((await apply(text)).ok).to.equal(true);
    expect((await admin.clients.find('orders-web')).ok).to.equal(true);
    expect(await changesOf('managed_by: other\n', true)).to.deep.equal([]);

    const pruned = await apply(text, { prunes: true });
    expect(pruned.ok, JSON.stringify(pruned)).to.equal(true);
    expect(pruned.changes.map(({ action, kind, id }) => `${action} ${kind} ${id}`)).to.deep.equal([
      'update setting settings',
      'remove client orders-web',
      'remove group support',
      'remove role help-desk',
      'remove resource https://orders.example.com',
    ]);
    const { sources } = await admin.settings.read();
    expect(sources).to.include({ terms_url: 'default', second_factor: 'settings' });
    expect(await changesOf('managed_by: platform\n', true)).to.deep.equal([]);
    expect((await admin.roles.find('by-hand')).ok).to.equal(true);
  });

  it('leaves alone what another file has made', async () => {
    expect((await apply('managed_by: mine\nroles:\n  shared: { name: Mine }\n')).ok).to.equal(true);
    const applied = await apply('managed_by: theirs\nroles:\n  shared: { name: Theirs }\n');
    expect(applied.ok).to.equal(false);
    expect(applied.refusals[0]?.refusal.message).to.include('managed_by "mine"');
    expect(must(await pods.one.admin.roles.find('shared')).name).to.equal('Mine');
  });

  it('ends at the same when it runs on several pods at once', async () => {
    const { admin } = pods.one;
    const roles = (name: string) =>
      Array.from({ length: 8 }, (_, i) => `  twin-${i}: { name: ${name} ${i} }`).join('\n');
    const settings = (version: number) =>
      `settings:\n  terms_url: https://example.com/terms\n  terms_version: "${version}"\n`;
    const texts = [
      `managed_by: twins\nroles:\n${roles('Twin')}\n${settings(1)}`,
      `managed_by: twins\nroles:\n${roles('Sibling')}\n${settings(2)}`,
      'managed_by: twins\n',
    ];
    for (const text of texts) {
      const { declaration } = await readDeclaration(write(text));
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, i) =>
          (i % 2 ? pods.one : pods.two).admin.declarations.apply(declaration, {
            actor: operator(),
            prunes: true,
          }),
        ),
      );
      for (const outcome of outcomes) expect(outcome.ok, JSON.stringify(outcome.refusals)).to.equal(true);
      expect(await changesOf(text, true)).to.deep.equal([]);
    }
    expect((await admin.roles.list()).some(({ id }) => id.startsWith('twin-'))).to.equal(false);
    expect((await admin.settings.read()).sources.terms_version).to.equal('default');
  });
});

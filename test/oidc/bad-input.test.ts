import { connect } from 'node:net';
import { expect } from 'chai';
import { authorizationRequest, formOf, Person, type Reply, send } from '../support/person.ts';
import { type Pod, startPod } from '../support/pods.ts';
import { basic, clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { startPodAhead } from './odd-pods.ts';

/**
 * Whatever is sent, wherever: the answer is a plain refusal, soon, in the form that was asked for. Never a 500,
 * never a stack trace, never silence.
 */
describe('bad input', () => {
  let redis: Topology;
  let provider: TestProvider;
  /** Waits four hours for people, so that a form can expire before its interaction does. */
  let patient: Pod;
  /** The same, two hours later. */
  let late: Pod;
  const patience = { HOLDFAST_INTERACTION_SECONDS: '14400' };

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    const { issuer } = provider;
    [patient, late] = await Promise.all([
      startPod({ name: 'pod-patient', issuer, redisUrl: redis.url, environment: patience }),
      startPodAhead(provider, redis.url, 7300, patience),
    ]);
  });
  after(async () => {
    await Promise.all([provider?.stop(), patient?.kill('SIGKILL'), late?.kill('SIGKILL')]);
    await redis?.stop();
  });
  const looked = new Map<Pod, number>();
  afterEach('nothing failed inside', () => {
    for (const pod of [...provider.pods, patient, late]) {
      const fresh = pod.log().slice(looked.get(pod) ?? 0);
      looked.set(pod, pod.log().length);
      expect(pod.process.exitCode, fresh).to.equal(null);
      expect(/.*"level":"(error|fatal)".*/.exec(fresh)?.[0]).to.equal(undefined);
    }
  });

  let turn = 0;
  async function ask(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Reply> {
    const { method = 'GET', headers = {}, body } = options;
    const pod = provider.pods[turn++ % provider.pods.length];
    const reply = await withinSeconds(
      5,
      `${method} ${path}`,
      send(new URL(`${pod?.url}${path}`), {
        method,
        headers: {
          host: 'id.example',
          accept: 'text/html',
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
      }),
    );
    expectPlain(
      reply,
      `${method} ${path.slice(0, 200)} ${JSON.stringify(headers).slice(0, 200)} ${body?.slice(0, 100)}`,
    );
    return reply;
  }

  async function withinSeconds<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer to ${what}`)), seconds * 1000);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  function expectPlain(reply: Reply, what: string): void {
    expect(reply.status, what).to.be.within(200, 499);
    expect(reply.body, what).not.to.match(/\n\s+at .+:\d+:\d+|node_modules|\.ts:\d+|TypeError|ReplyError/);
    if (reply.location) expect(reply.location, what).not.to.match(/[\r\n]/);
  }

  const form = { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://id.example' };

  const getPaths = [
    ...['/', '/auth', '/auth/x', '/device', '/device/x', '/interaction/x', '/language', '/session/end'],
    ...['/session/end/success', '/me', '/jwks', '/.well-known/openid-configuration', '/nothing', '/assets/x'],
  ];
  const postPaths = [
    ...['/token', '/request', '/device/auth', '/device', '/token/introspection', '/token/revocation'],
    ...['/me', '/session/end/confirm', '/session/end', '/auth', '/interaction/x/login'],
    ...['/interaction/x/consent', '/interaction/x', '/', '/jwks', '/language', '/nothing'],
  ];
  const names = [
    ...['client_id', 'client_secret', 'redirect_uri', 'response_type', 'response_mode', 'scope', 'state'],
    ...[
      'prompt',
      'max_age',
      'ui_locales',
      'login_hint',
      'id_token_hint',
      'resource',
      'request',
      'request_uri',
    ],
    ...['code_challenge', 'code_challenge_method', 'dpop_jkt', 'nonce', 'claims', 'display', 'acr_values'],
    ...['post_logout_redirect_uri', 'logout_hint', 'user_code', 'to', 'back', 'xsrf', 'csrf', 'logout'],
    ...['grant_type', 'code', 'code_verifier', 'refresh_token', 'device_code', 'token', 'token_type_hint'],
    ...['client_assertion', 'client_assertion_type', 'email', 'password', 'decision', 'remember', 'confirm'],
    ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__proto__[x]', 'then'],
  ];
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const badValues = [
    ...[
      '',
      '%00',
      'a%00b',
      '%',
      '%zz',
      '%E0%A4%A',
      '%ff%fe',
      '%0d%0aX-Evil:%201',
      '%F0%9F%98%80',
      '[]',
      '{}',
    ],
    ...[
      '[object%20Object]',
      'null',
      'undefined',
      '-1',
      '1e999',
      'NaN',
      '__proto__',
      'constructor',
      '%22%3E%3Cx%3E',
    ],
    ...[
      '../../etc/passwd',
      '{k}',
      '*',
      'a'.repeat(5000),
      '%C2%A0',
      '%E2%80%AE',
      '%01%02',
      'http://%5B::1',
      '//x',
    ],
    ...[
      'a.b.c',
      '..',
      `${part({ alg: 'none' })}.${part({ aud: 'first' })}.`,
      `${part(null)}.${part(null)}.x`,
    ],
    `${part({ alg: 'ES256' })}.${part({ aud: ['first', {}] })}.AAAA`,
    `${part({ alg: 'HS256' })}.${part({ aud: { toString: 1 } })}.AAAA`,
  ];

  it('in the query of any address', async function () {
    this.timeout(30_000);
    for (const path of getPaths) {
      await Promise.all([
        ...names.map((name) => ask(`${path}?${name}=1&${name}=2&${name}[]=1&${name}[a]=2`)),
        ...badValues.map((value) => ask(`${path}?x=${value}&${value}=x&user_code=${value}`)),
      ]);
    }
  });

  it('in any parameter of an authorization request', async () => {
    const query = (name: string, value: string) => {
      const { path } = authorizationRequest(clients.first);
      const rest = path.split('&').filter((pair) => !pair.replace('/auth?', '').startsWith(`${name}=`));
      return `/auth?${[...rest.map((pair) => pair.replace('/auth?', '')), `${name}=${value}`].join('&')}`;
    };
    const ofTheRequest = names.slice(0, names.indexOf('post_logout_redirect_uri'));
    for (const name of [...ofTheRequest, '__proto__', 'constructor']) {
      for (const reply of await Promise.all(badValues.map((value) => ask(query(name, value))))) {
        if (reply.location && !reply.location.startsWith('/interaction/')) {
          expect(reply.location).to.match(/^http:\/\/first\.example\/cb[?#]/);
        }
      }
      const twice = await ask(`${query(name, 'a')}&${name}=b`);
      expect(twice.location ?? '').not.to.match(/[?&]code=/);
    }
  });

  it('in any parameter of a logout request or of the language switch', async () => {
    for (const name of ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'ui_locales']) {
      for (const value of badValues) await ask(`/session/end?${name}=${value}`);
    }
    for (const value of [
      ...badValues,
      '/%E2%82%AC',
      '/%01',
      '/%7F',
      '/a%0Ab',
      '//evil.example',
      '/%5Cevil.example',
    ]) {
      for (const to of ['de', value]) {
        const reply = await ask(`/language?to=${to}&back=${value}`);
        expect([303, 400], value).to.include(reply.status);
        if (reply.location) {
          expect(new URL(reply.location, provider.issuer).origin, value).to.equal(provider.issuer);
        }
      }
    }
  });

  const bodies: [what: string, headers: Record<string, string>, body: string][] = [
    ['a megabyte', form, `a=${'x'.repeat(1024 * 1024)}`],
    ['a megabyte of names', form, '&a'.repeat(512 * 1024)],
    ['JSON', { ...form, 'content-type': 'application/json' }, '{"grant_type":"client_credentials"}'],
    ['broken JSON', { ...form, 'content-type': 'application/json' }, '{"__proto__":{"x":1}'],
    ['multipart', { ...form, 'content-type': 'multipart/form-data; boundary=x' }, '--x\r\n\r\n--x--'],
    ['text', { ...form, 'content-type': 'text/plain' }, 'grant_type=client_credentials'],
    ['no type', { origin: 'http://id.example' }, 'grant_type=client_credentials'],
    ['a type of nonsense', { ...form, 'content-type': ';;;=' }, 'a=b'],
    ['an unknown charset', { ...form, 'content-type': `${form['content-type']}; charset=utf-99` }, 'a=b'],
    ['UTF-16', { ...form, 'content-type': `${form['content-type']}; charset=utf-16` }, 'a\0=\0b\0'],
    ['a claim of gzip', { ...form, 'content-encoding': 'gzip' }, 'a=b'],
    ['broken percent-encoding', form, 'grant_type=%E0%A4%A&client_id=%zz&xsrf=%&user_code=%ff'],
    ['NUL', form, names.map((name) => `${name}=%00`).join('&')],
    ['everything twice', form, names.map((name) => `${name}=1&${name}=2`).join('&')],
    ['lists', form, names.map((name) => `${name}[]=1&${name}[x]=2`).join('&')],
    ['names of prototypes', form, '__proto__=1&constructor=2&__proto__[x]=3&toString=4&hasOwnProperty=5'],
    ['nothing', form, ''],
    ['only separators', form, '&&&===&;&'],
    ['long values', form, names.map((name) => `${name}=${'x'.repeat(1000)}`).join('&')],
  ];

  for (const [what, headers, body] of bodies) {
    it(`in a body: ${what}`, async () => {
      for (const path of postPaths) {
        await ask(path, { method: 'POST', headers, body });
        await ask(path, {
          method: 'POST',
          headers: { ...headers, authorization: basic(clients.first) },
          body,
        });
      }
    });
  }

  it('in each parameter of each endpoint that clients call', async () => {
    const calls: [path: string, fields: Record<string, string>][] = [
      ['/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: 'x', code_verifier: 'x' }],
      ['/token', { grant_type: 'refresh_token', refresh_token: 'x', scope: 'openid', resource: 'x' }],
      ['/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' }],
      ['/token', { client_assertion_type: 'x', client_assertion: 'x', client_id: 'first' }],
      ['/token/introspection', { token: 'x', token_type_hint: 'access_token' }],
      ['/token/revocation', { token: 'x', token_type_hint: 'access_token' }],
      ['/device/auth', { client_id: 'first', scope: 'openid', resource: 'x' }],
      ['/request', { client_id: 'first', scope: 'openid', redirect_uri: 'x', response_type: 'code' }],
    ];
    for (const [path, fields] of calls) {
      for (const name of Object.keys(fields)) {
        const rest = Object.entries(fields).filter(([other]) => other !== name);
        const others = rest.map(([key, text]) => `${key}=${encodeURIComponent(text)}`);
        const replies = await Promise.all(
          badValues.map((value) =>
            ask(path, {
              method: 'POST',
              headers: { ...form, accept: 'application/json', authorization: basic(clients.first) },
              body: [...others, `${name}=${value}`].join('&'),
            }),
          ),
        );
        for (const reply of replies.filter(({ status }) => status >= 400)) {
          expect(reply.headers.get('content-type'), path).to.match(/^application\/json/);
          expect(JSON.parse(reply.body).error).to.match(/^[a-z_]+$/);
        }
      }
    }
  });

  it('in the headers', async () => {
    const headers: Record<string, string>[] = [
      { authorization: 'Bearer' },
      { authorization: 'Bearer  x' },
      { authorization: 'DPoP x', dpop: 'y' },
      { authorization: `Bearer ${'x'.repeat(8000)}` },
      { authorization: 'Basic =' },
      { authorization: '\x80\xff' },
      { dpop: 'a.b.c' },
      { dpop: `${part({ alg: 'none', typ: 'dpop+jwt', jwk: {} })}.${part({})}.` },
      {
        dpop: `${part({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } })}.e30.x`,
      },
      { accept: 'x'.repeat(1000) },
      { accept: '*/*;q=2,,;' },
      { 'accept-language': `${'de-'.repeat(2000)}` },
      { 'accept-language': '*;q=x,,\xff' },
      { cookie: 'holdfast_session; =x; ;;; holdfast_session.sig' },
      { cookie: `holdfast_session=${'x'.repeat(10_000)}; holdfast_session.sig=x` },
      { cookie: `${'a=b; '.repeat(3000)}` },
      { cookie: 'holdfast_language=__proto__; holdfast_resume=x; holdfast_interaction=%00' },
      { origin: 'null', 'access-control-request-method': 'POST' },
      { 'x-forwarded-for': '%00, ::::, 1.1.1.1' },
      { 'if-none-match': '*', 'if-modified-since': 'x' },
      { range: 'bytes=0-0,5-' },
      { expect: '100-continue' },
    ];
    for (const one of headers) {
      await Promise.all([
        ...getPaths.map((path) => ask(path, { headers: one })),
        ...['/token', '/me', '/request', '/device', '/session/end/confirm'].map((path) =>
          ask(path, { method: 'POST', headers: { ...form, ...one }, body: 'client_id=first' }),
        ),
      ]);
    }
    const tooLong = await ask('/', { headers: { cookie: `a=${'x'.repeat(40_000)}` } });
    expect(tooLong.status).to.equal(431);
  });

  it('as a method that an address does not have', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'HEAD', 'POST', 'GET']) {
      for (const path of new Set([...getPaths, ...postPaths])) {
        const reply = await ask(path, { method });
        if (!['HEAD', 'GET', 'OPTIONS', 'POST'].includes(method))
          expect(reply.status, path).to.be.within(400, 499);
      }
    }
  });

  it('as a path', async () => {
    for (const value of [...badValues, '%2e%2e/%2e%2e', '..;/', '.', '\\', 'x/y', 'x'.repeat(9000)]) {
      for (const before of ['/', '/auth/', '/device/', '/interaction/', '/assets/', '/session/end/']) {
        await ask(`${before}${value}`);
      }
      await ask(`/interaction/${value}/login`, { method: 'POST', headers: form, body: 'csrf=x' });
    }
  });

  it('as something that is not HTTP', async () => {
    const host = 'Host: id.example\r\n';
    const close = 'Connection: close\r\n\r\n';
    for (const text of [
      'hello\r\n\r\n',
      `FOO / HTTP/1.1\r\n${host}${close}`,
      `GET / HTTP/9.9\r\n${host}${close}`,
      `GET / HTTP/1.1\r\n${close}`,
      `GET http://evil.example/auth?client_id=first HTTP/1.1\r\n${host}${close}`,
      `GET //evil.example/ HTTP/1.1\r\n${host}${close}`,
      `OPTIONS * HTTP/1.1\r\n${host}${close}`,
      `CONNECT evil.example:443 HTTP/1.1\r\n${host}${close}`,
      `GET / HTTP/1.1\r\n${host}X: a\0b\r\n${close}`,
      `GET / HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(5000)}${close}`,
      `POST /token HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n${close}0\r\n\r\n`,
      `POST /token HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n${close}a=bc`,
      `POST /token HTTP/1.1\r\n${host}Content-Length: -1\r\n${close}a=bc`,
      `POST /token HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n${close}zz\r\n`,
    ]) {
      const answer = await withinSeconds(5, JSON.stringify(text.slice(0, 100)), exchangeBytes(text));
      if (answer !== '') expect(answer, text.slice(0, 100)).to.match(/^HTTP\/1\.1 [234]\d\d /);
      expect(answer).not.to.match(/evil\.example\/|\n\s+at /);
    }
  });

  function exchangeBytes(text: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = '';
      const socket = connect(provider.pods[0]?.port ?? 0, '127.0.0.1');
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
      socket.write(text);
    });
  }

  it('in the address of the home page is passed over', async () => {
    expect((await ask('/?utm_source=a-mail&utm_source=another')).status).to.equal(200);
  });

  describe('in a form of ours', () => {
    async function loginPage(person: Person = provider.person()) {
      const { path } = authorizationRequest(clients.first);
      const { location } = await person.request(path);
      const page = await person.request(location ?? '');
      const state = new URL(path, provider.issuer).searchParams.get('state');
      const cookie = [...person.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
      return { person, state, cookie, uid: location?.split('/').at(-1) ?? '', ...formOf(page.body) };
    }

    const credentials = () => ({ email: provider.account.email, password: provider.account.password });
    const encode = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

    it('is refused without a sign-in, and the right form still works', async () => {
      const { person, cookie, action, fields } = await loginPage();
      const right = encode({ ...fields, ...credentials() });
      for (const [what, body, status] of [
        ['an unknown field', `${right}&admin=true`, 400],
        ['a field twice', `${right}&email=other@example.com`, 400],
        ['a prototype', `${right}&__proto__=x`, 400],
        ['a list', `${right}&password[]=x`, 400],
        ['NUL', `${right}%00`, 400],
        ['an unknown decision', `${right}&decision=admin`, 400],
        ['remember that is no yes', `${right}&remember=on`, 400],
        ['no form token', encode(credentials()), 400],
        ['a long e-mail address', encode({ ...fields, email: 'x'.repeat(400), password: 'x' }), 400],
        ['a long password', encode({ ...fields, email: 'a@b.example', password: 'x'.repeat(5000) }), 400],
        ['a megabyte', encode({ ...fields, email: 'a@b.example', password: 'x'.repeat(1024 * 1024) }), 413],
        ['broken percent-encoding', `${right}%E0%A4%A`, 400],
      ] as const) {
        const reply = await ask(action, { method: 'POST', headers: { ...form, cookie }, body });
        expect(reply.status, what).to.equal(status);
        expect(reply.setCookies.join(), what).not.to.include('holdfast_session');
        expect(reply.headers.get('content-type'), what).to.match(/^text\/html/);
      }
      const signedIn = await person.request(action, { form: { ...fields, ...credentials() } });
      expect(signedIn.location).to.match(/[?&]code=/);
    });

    it('is refused when another site sent it', async () => {
      const { cookie, action, fields } = await loginPage();
      const body = encode({ ...fields, ...credentials() });
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'http://id.example.evil.example' },
        { origin: 'http://id.example:8080' },
        { origin: 'https://id.example' },
        { origin: 'null' },
        {},
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site', origin: 'null' },
        { 'sec-fetch-site': 'cross-site', origin: 'http://id.example' },
        { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
      ] as Record<string, string>[]) {
        const reply = await ask(action, {
          method: 'POST',
          headers: { 'content-type': form['content-type'], cookie, ...headers },
          body,
        });
        expect(reply.status, JSON.stringify(headers)).to.equal(403);
      }
      const own = { 'sec-fetch-site': 'same-origin', origin: 'null' };
      const reply = await ask(action, {
        method: 'POST',
        headers: { 'content-type': form['content-type'], cookie, ...own },
        body,
      });
      expect(reply.location).to.match(/[?&]code=/);
    });

    it('is refused when its address is not that of the cookie', async () => {
      const [one, other] = [await loginPage(), await loginPage()];
      for (const cookie of [one.cookie, '', one.cookie.replaceAll(one.uid, other.uid)]) {
        const reply = await ask(other.action, {
          method: 'POST',
          headers: { ...form, cookie },
          body: encode({ ...other.fields, ...credentials() }),
        });
        expect(reply.status).to.equal(400);
        expect(reply.location).to.equal(undefined);
      }
      const page = await ask(`/interaction/${other.uid}`, { headers: { cookie: one.cookie } });
      expect(page.status).to.equal(400);
    });

    it('goes on with its own request, whatever cookie another one has planted', async () => {
      const [mine, attackers] = [await loginPage(), await loginPage()];
      const planted = [...attackers.person.cookies]
        .filter(([name]) => name.startsWith('holdfast_resume'))
        .map(([name, { value }]) => `${name}=${value}`);
      expect(planted).to.have.lengthOf(2);
      const reply = await ask(mine.action, {
        method: 'POST',
        headers: { ...form, cookie: `${planted.join('; ')}; ${mine.cookie}` },
        body: encode({ ...mine.fields, ...credentials() }),
      });
      expect(new URL(reply.location ?? '').searchParams.get('state')).to.equal(mine.state);
      expect(reply.location).to.match(/[?&]code=/);
    });

    it('is shown again when its token is not the right one, and works then', async () => {
      const [mine, others] = [await loginPage(), await loginPage()];
      const { csrf = '' } = mine.fields;
      const [nonce, expiresAt, mac = ''] = csrf.split('.');
      for (const wrong of [
        others.fields.csrf ?? '',
        '',
        'x',
        '..',
        `${nonce}.zzzzzz.${mac}`,
        `${nonce}.${expiresAt}.`,
        `${nonce}.${expiresAt}.${mac}.x`,
        `${nonce}.${expiresAt}.${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`,
      ]) {
        const shown = await mine.person.request(mine.action, { form: { ...credentials(), csrf: wrong } });
        expect(shown.status, wrong).to.equal(400);
        expect(shown.body, wrong).to.include('name="password"').and.include(provider.account.email);
        expect(shown.body).not.to.include(provider.account.password);
      }
      const again = formOf((await mine.person.request(`/interaction/${mine.uid}`)).body);
      const reply = await mine.person.request(again.action, { form: { ...again.fields, ...credentials() } });
      expect(reply.location).to.match(/[?&]code=/);
    });

    it('is shown again when its token has expired, and works then', async () => {
      const early = await loginPage(new Person(provider.issuer, [patient.url]));
      const later = new Person(provider.issuer, [late.url]);
      for (const [name, cookie] of early.person.cookies) {
        (later.cookies as Map<string, unknown>).set(name, cookie);
      }
      const shown = await later.request(early.action, { form: { ...early.fields, ...credentials() } });
      expect(shown.status).to.equal(400);
      const { action, fields } = formOf(shown.body);
      expect(fields.csrf).not.to.equal(early.fields.csrf);
      const reply = await later.request(action, { form: { ...fields, ...credentials() } });
      expect(reply.location).to.match(/[?&]code=/);
    });

    it('says the same of a wrong password and an unknown address', async () => {
      const { person, action, fields } = await loginPage();
      const pages = [];
      for (const email of [provider.account.email, 'nobody@example.com']) {
        const reply = await person.request(action, {
          form: { ...fields, email, password: 'not the password' },
        });
        expect(reply.status).to.equal(400);
        // Each page has form tokens and a challenge of its own.
        const fresh =
          /name="(csrf|sealed)" value="[^"]*"|data-options="[^"]*"|<bdi dir="ltr">[\w-]{22}<\/bdi>/g;
        pages.push(reply.body.replaceAll(email, '…').replace(fresh, ''));
      }
      expect(pages[0]).to.equal(pages[1]);
    });
  });

  it('answers in JSON who does not prefer a page', async () => {
    for (const [path, method] of [
      ['/token', 'POST'],
      ['/interaction/x', 'GET'],
      ['/nothing', 'GET'],
      ['/auth', 'GET'],
    ] as const) {
      const reply = await ask(path, {
        method,
        headers: { ...(method === 'POST' ? form : {}), accept: 'application/json' },
      });
      expect(reply.headers.get('content-type'), path).to.match(/^application\/json/);
      expect(JSON.parse(reply.body)).to.have.property('error');
      const page = await ask(path, { method, headers: method === 'POST' ? form : {} });
      expect(page.headers.get('content-type'), path).to.match(/^text\/html/);
    }
  });
});

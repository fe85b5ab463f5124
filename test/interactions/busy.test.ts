import { expect } from 'chai';
import { authorizationRequest, formOf, Person } from '../support/person.ts';
import { type Pod, startPod } from '../support/pods.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('a pod that has all the passwords to check that it can', () => {
  let redis: Topology;
  let provider: TestProvider;
  let small: Pod;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 1);
    small = await startPod({
      name: 'small',
      issuer: provider.issuer,
      redisUrl: redis.url,
      environment: { HOLDFAST_HASH_CONCURRENCY: '1', HOLDFAST_HASH_QUEUE: '0' },
    });
  });
  after(async () => {
    await small?.kill('SIGKILL');
    await provider?.stop();
    await redis?.stop();
  });

  it('says that it is busy, keeps the form, and signs in at the second try', async () => {
    const { email, password } = provider.account;
    const people = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const person = new Person(provider.issuer, [small.url]);
        const started = await person.request(authorizationRequest(clients.first).path);
        const { action, fields } = formOf((await person.request(started.location ?? '')).body);
        return { person, action, form: { ...fields, email, password, decision: 'sign-in' } };
      }),
    );
    const replies = await Promise.all(
      people.map(({ person, action, form }) => person.request(action, { form })),
    );
    const busy = replies.findIndex(({ status }) => status === 503);
    expect(busy, 'nobody was turned away').to.not.equal(-1);
    expect(replies.some(({ location }) => location?.startsWith(clients.first.redirectUri))).to.equal(true);

    const turnedAway = replies[busy];
    expect(turnedAway?.headers.get('retry-after')).to.equal('2');
    const { action, fields } = formOf(turnedAway?.body ?? '');
    expect(fields.email).to.equal(email);
    const again = await people[busy]?.person.request(action, {
      form: { ...fields, email, password, decision: 'sign-in' },
    });
    expect(again?.location).to.match(new RegExp(`^${clients.first.redirectUri}`));
  });
});

import { expect } from 'chai';
import { describe as describeTarget, parseRedisUrl } from '../../src/redis/redis-url.ts';

describe('REDIS_URL', () => {
  it('names one server, by default on port 6379 and database 0', () => {
    expect(parseRedisUrl('redis://redis.example')).to.deep.equal({
      kind: 'standalone',
      address: { host: 'redis.example', port: 6379 },
      db: 0,
    });
  });

  it('carries a user, a password, a port and a database', () => {
    expect(parseRedisUrl('redis://holdfast:secret@10.0.0.7:6380/3')).to.deep.equal({
      kind: 'standalone',
      address: { host: '10.0.0.7', port: 6380 },
      db: 3,
      username: 'holdfast',
      password: 'secret',
    });
  });

  it('takes a password alone, and percent-encoded credentials', () => {
    expect(parseRedisUrl('redis://:p%40ss%2Fw%3Ard%25@h')).to.deep.include({ password: 'p@ss/w:rd%' });
    expect(parseRedisUrl('redis://:p@h')).not.to.have.property('username');
    expect(parseRedisUrl('redis://a%3Ab:c:d@h')).to.deep.include({ username: 'a:b', password: 'c:d' });
  });

  it('takes an at sign in a password as part of it', () => {
    expect(parseRedisUrl('redis://u:a@b@h:1')).to.deep.include({
      password: 'a@b',
      address: { host: 'h', port: 1 },
    });
  });

  it('takes IPv6 addresses in brackets', () => {
    expect(parseRedisUrl('redis://[::1]')).to.deep.include({ address: { host: '::1', port: 6379 } });
    expect(parseRedisUrl('redis+cluster://[fd00::1]:7000,[fd00::2]:7001')).to.deep.include({
      nodes: [
        { host: 'fd00::1', port: 7000 },
        { host: 'fd00::2', port: 7001 },
      ],
    });
  });

  it('reaches a server over a socket', () => {
    expect(parseRedisUrl('redis+unix:///run/my%20redis/redis.sock')).to.deep.equal({
      kind: 'standalone',
      address: { path: '/run/my redis/redis.sock' },
      db: 0,
    });
  });

  it('names Sentinels and their primary', () => {
    const url = 'redis+sentinel://u:p@a:26379,b,c:26381/main/2?sentinelUser=watcher&sentinelPassword=s%26p';
    expect(parseRedisUrl(url)).to.deep.equal({
      kind: 'sentinel',
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26379 },
        { host: 'c', port: 26381 },
      ],
      primaryName: 'main',
      db: 2,
      username: 'u',
      password: 'p',
      sentinelUsername: 'watcher',
      sentinelPassword: 's&p',
    });
  });

  it('takes a Sentinel password without a user', () => {
    const target = parseRedisUrl('redis+sentinel://a/main?sentinelPassword=s');
    expect(target).to.include({ sentinelPassword: 's' }).and.not.to.have.property('sentinelUsername');
  });

  it('names the nodes of a Cluster', () => {
    expect(parseRedisUrl('redis+cluster://u:p@h1:7000,h2:7001')).to.deep.equal({
      kind: 'cluster',
      nodes: [
        { host: 'h1', port: 7000 },
        { host: 'h2', port: 7001 },
      ],
      username: 'u',
      password: 'p',
    });
  });

  for (const scheme of ['rediss://h', 'rediss+sentinel://h/main', 'rediss+cluster://h']) {
    it(`asks for TLS with ${scheme}`, () => {
      expect(parseRedisUrl(scheme)).to.deep.include({ tls: {} });
      expect(
        parseRedisUrl(`${scheme}?ca=/c/ca.pem&cert=/c/a.pem&key=/c/a.key&servername=redis.test`),
      ).to.deep.include({
        tls: { ca: '/c/ca.pem', cert: '/c/a.pem', key: '/c/a.key', servername: 'redis.test' },
      });
    });
  }

  const refused: [url: string, fault: RegExp][] = [
    ['', /must start with/],
    ['http://h', /must start with/],
    ['redis.example:6379', /must start with/],
    ['rediss+unix:///s', /must start with/],
    ['redis://', /empty host/],
    ['redis://h:0', /port/],
    ['redis://h:65536', /port/],
    ['redis://h:', /port/],
    ['redis://::1', /brackets/],
    ['redis://h/one', /database/],
    ['redis://h/0/1', /database/],
    ['redis://a,b', /several hosts/],
    ['redis://user@h', /no password/],
    ['redis://user:@h', /empty password/],
    ['redis://:%zz@h', /percent-encoding/],
    ['redis://h#x', /%23/],
    ['redis://h?timeout=5', /not known/],
    ['redis://h?ca=/ca.pem', /rediss/],
    ['rediss://h?ca=', /without a value/],
    ['rediss://h?ca=a&ca=b', /twice/],
    ['rediss://h?cert=/c.pem', /cert and key/],
    ['redis+unix://h/s', /three slashes/],
    ['redis+unix:///', /no path/],
    ['redis+sentinel://a,b', /name of the primary/],
    ['redis+sentinel://a,/main', /empty host/],
    ['redis+sentinel://a/main/0/x', /too many parts/],
    ['redis+sentinel://a/main?sentinelUser=u', /sentinelPassword/],
    ['redis+cluster://a/1', /database/],
    ['redis+cluster://a?sentinelPassword=x', /not known/],
  ];
  for (const [url, fault] of refused) {
    it(`refuses ${url || 'an empty text'} with the fault and an example`, () => {
      expect(() => parseRedisUrl(url))
        .to.throw(RangeError, fault)
        .with.property('message')
        .that.matches(/Example: redis(\+\w+)?:\/\/\S+$/);
    });
  }

  it('never repeats a password in a fault, wherever it was put by mistake', () => {
    const spoilt = [
      'redis://user:hunter2@h:port',
      'redis://user:hunter2/x@h',
      'redis://user:hunter2?x@h',
      'redis://user:hunter2#x@h',
      'redis://user:hun%zzhunter2@h',
      'redis://hunter2@h',
      'http://user:hunter2@h',
      'redis+sentinel://user:hunter2@a/',
      'rediss://h?hunter2=1',
      'redis+sentinel://a/main?sentinelUser=hunter2',
      'redis+cluster://u:hunter2@h/hunter2',
    ];
    for (const url of spoilt) {
      expect(() => parseRedisUrl(url), url)
        .to.throw(RangeError)
        .with.property('message')
        .that.does.not.include('hunter2');
    }
  });

  it('is shown in logs without its credentials', () => {
    const shown = (url: string) => describeTarget(parseRedisUrl(url));
    expect(shown('rediss://u:p@[::1]:1/2?ca=/ca.pem')).to.equal('rediss://[::1]:1/2');
    expect(shown('redis+unix:///run/r.sock')).to.equal('redis+unix:///run/r.sock');
    expect(shown('redis+sentinel://u:p@a,b:1/main?sentinelPassword=s')).to.equal(
      'redis+sentinel://a:26379,b:1/main/0',
    );
    expect(shown('rediss+cluster://u:p@a:1,b:2')).to.equal('rediss+cluster://a:1,b:2');
  });
});

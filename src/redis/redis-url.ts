/**
 * Reads REDIS_URL in all its forms into a target for `connectRedis`. Owns the grammar and its error texts;
 * opens no connection and no file. No message repeats a part of the URL, which may hold a password.
 */
export type HostPort = { host: string; port: number };

/** Paths of PEM files; `servername` is the name that the server's certificate must carry. */
export type RedisTls = { ca?: string; cert?: string; key?: string; servername?: string };

type Login = { username?: string; password?: string };

export type StandaloneTarget = Login & {
  kind: 'standalone';
  address: HostPort | { path: string };
  db: number;
  tls?: RedisTls;
};

export type SentinelTarget = Login & {
  kind: 'sentinel';
  sentinels: HostPort[];
  primaryName: string;
  db: number;
  sentinelUsername?: string;
  sentinelPassword?: string;
  tls?: RedisTls;
};

export type ClusterTarget = Login & { kind: 'cluster'; nodes: HostPort[]; tls?: RedisTls };

export type RedisTarget = StandaloneTarget | SentinelTarget | ClusterTarget;

const examples = {
  standalone: 'redis://user:password@redis.example:6379/0',
  unix: 'redis+unix:///run/redis/redis.sock',
  sentinel: 'redis+sentinel://user:password@a.example:26379,b.example:26379/main/0',
  cluster: 'redis+cluster://user:password@a.example:7000,b.example:7000',
};
type Form = keyof typeof examples;

const tlsOptions = ['ca', 'cert', 'key', 'servername'];
const sentinelOptions = ['sentinelUser', 'sentinelPassword'];

/**
 * @throws RangeError that names the fault and shows an example; the message continues the name of the setting
 */
export function parseRedisUrl(url: string): RedisTarget {
  const [, secure, suffix, rest] =
    /^redis(s?)(?:\+(unix|sentinel|cluster))?:\/\/(.*)$/s.exec(url.trim()) ?? [];
  const form = (suffix ?? 'standalone') as Form;
  if (rest === undefined || (form === 'unix' && secure)) {
    const schemes =
      'redis, rediss, redis+unix, redis+sentinel, rediss+sentinel, redis+cluster, rediss+cluster';
    throw fault('standalone', `must start with one of ${schemes}, followed by ://`);
  }
  const [, authority = '', path = '', queryText] =
    /^([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(rest) ?? [];
  if (rest.includes('#')) throw fault(form, 'holds a "#"; in a password, write it as %23');
  const at = authority.lastIndexOf('@');
  const login = at < 0 ? {} : readLogin(form, authority.slice(0, at));
  const hosts = authority.slice(at + 1);
  const query = readQuery(form, secure === 's', queryText);
  const tls = secure ? { tls: readTls(form, query) } : {};

  switch (form) {
    case 'unix': {
      if (hosts) throw fault(form, 'has a host before the path of the socket; three slashes are needed');
      if (path.length < 2) throw fault(form, 'has no path of a socket');
      return { kind: 'standalone', address: { path: decode(form, path) }, db: 0, ...login };
    }
    case 'standalone': {
      if (hosts.includes(',')) {
        throw fault('cluster', 'lists several hosts; say redis+sentinel:// or redis+cluster://');
      }
      const address = readHost(form, hosts, 6379);
      return { kind: 'standalone', address, db: readDatabase(form, path.slice(1)), ...login, ...tls };
    }
    case 'sentinel': {
      const [name = '', db = '', ...more] = path.slice(1).split('/');
      if (!name) throw fault(form, 'lacks the name of the primary after the hosts');
      if (more.length > 0) throw fault(form, 'has too many parts after the hosts');
      const sentinelUsername = query.get('sentinelUser');
      const sentinelPassword = query.get('sentinelPassword');
      if (sentinelUsername && !sentinelPassword)
        throw fault(form, 'has a sentinelUser but no sentinelPassword');
      return {
        kind: 'sentinel',
        sentinels: hosts.split(',').map((host) => readHost(form, host, 26379)),
        primaryName: decode(form, name),
        db: readDatabase(form, db),
        ...login,
        ...(sentinelUsername ? { sentinelUsername } : {}),
        ...(sentinelPassword ? { sentinelPassword } : {}),
        ...tls,
      };
    }
    case 'cluster': {
      if (readDatabase(form, path.slice(1)) !== 0)
        throw fault(form, 'names a database; a Cluster has only 0');
      const nodes = hosts.split(',').map((host) => readHost(form, host, 6379));
      return { kind: 'cluster', nodes, ...login, ...tls };
    }
  }
}

/** The target as a log may show it: scheme, hosts, primary and database; no user, password or file. */
export function describe(target: RedisTarget): string {
  const scheme = target.tls ? 'rediss' : 'redis';
  const list = (hosts: HostPort[]) => hosts.map(describeHost).join(',');
  switch (target.kind) {
    case 'standalone':
      if ('path' in target.address) return `redis+unix://${target.address.path}`;
      return `${scheme}://${describeHost(target.address)}/${target.db}`;
    case 'sentinel':
      return `${scheme}+sentinel://${list(target.sentinels)}/${target.primaryName}/${target.db}`;
    case 'cluster':
      return `${scheme}+cluster://${list(target.nodes)}`;
  }
}

function describeHost({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function readLogin(form: Form, text: string): Login {
  const colon = text.indexOf(':');
  if (colon < 0) throw fault(form, 'has a user but no password; a password alone is written as :password@');
  const username = decode(form, text.slice(0, colon));
  const password = decode(form, text.slice(colon + 1));
  if (!password) throw fault(form, 'has an empty password');
  return username ? { username, password } : { password };
}

function readHost(form: Form, text: string, defaultPort: number): HostPort {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:]*))(?::([^:]*))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined)
    throw fault(form, 'has a host that cannot be read; IPv6 goes in brackets, as [::1]:6379');
  if (!host) throw fault(form, 'has an empty host');
  if (!/^[\w.:-]+$/.test(host)) {
    throw fault(
      form,
      'has a host with signs that no host has; in a password, write @ : / ? # % as %40 %3A %2F ...',
    );
  }
  if (port === undefined) return { host, port: defaultPort };
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) {
    throw fault(form, 'has a port that is not a number from 1 to 65535; in a password, write / as %2F');
  }
  return { host, port: number };
}

function readDatabase(form: Form, text: string): number {
  if (!/^\d{0,4}$/.test(text)) throw fault(form, 'has a database that is not a number');
  return Number(text);
}

function readQuery(form: Form, secure: boolean, text = ''): Map<string, string> {
  const allowed = [...(secure ? tlsOptions : []), ...(form === 'sentinel' ? sentinelOptions : [])];
  const query = new Map<string, string>();
  for (const pair of text.split('&').filter(Boolean)) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (!allowed.includes(key)) {
      const tlsHint = tlsOptions.includes(key) ? '; TLS needs the scheme rediss' : '';
      const list = allowed.length > 0 ? `only ${allowed.join(', ')} may stand there` : 'none may stand there';
      throw fault(form, `has an option after "?" that is not known: ${list}${tlsHint}`);
    }
    const value = equals < 0 ? '' : decode(form, pair.slice(equals + 1));
    if (!value) throw fault(form, `has an option without a value: ${key}`);
    if (query.has(key)) throw fault(form, `has an option twice: ${key}`);
    query.set(key, value);
  }
  return query;
}

function readTls(form: Form, query: Map<string, string>): RedisTls {
  if (query.has('cert') !== query.has('key'))
    throw fault(form, 'has only one of cert and key; they go together');
  return Object.fromEntries([...query].filter(([key]) => tlsOptions.includes(key)));
}

function decode(form: Form, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault(form, 'has a "%" that does not begin a percent-encoding; write it as %25');
  }
}

function fault(form: Form, what: string): RangeError {
  return new RangeError(`${what}. Example: ${examples[form]}`);
}

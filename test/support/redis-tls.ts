/** Certificates for test servers, made by openssl, and the settings that have a Redis speak TLS with them. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { promisify } from 'node:util';

export type Tls = {
  /** As in redis.conf, to go with `port 0` and `tls-port`. */
  settings: [name: string, value: string][];
  /** The part of REDIS_URL after the question mark. */
  query: string;
  /** For a client of the test itself. */
  clientOptions: ConnectionOptions;
  ca: string;
};

/** The server's certificate is for 127.0.0.1 and for the name redis.test. */
export async function makeTls(directory: string, needsClientCertificate = false): Promise<Tls> {
  const openssl = (args: string) => promisify(execFile)('openssl', args.split(' '), { cwd: directory });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2';
  await openssl(`req -x509 ${key} -keyout ca.key -out ca.pem -subj /CN=holdfast-test-ca`);
  const sign = (name: string, extension: string) =>
    openssl(
      `req -x509 ${key} -CA ca.pem -CAkey ca.key -keyout ${name}.key -out ${name}.pem -subj /CN=${name} -addext ${extension}`,
    );
  await Promise.all([
    sign('server', 'subjectAltName=IP:127.0.0.1,DNS:redis.test'),
    sign('client', 'extendedKeyUsage=clientAuth'),
  ]);
  const path = (file: string) => join(directory, file);
  const query = new URLSearchParams({ ca: path('ca.pem') });
  if (needsClientCertificate) {
    query.set('cert', path('client.pem'));
    query.set('key', path('client.key'));
  }
  return {
    settings: [
      ['tls-ca-cert-file', path('ca.pem')],
      ['tls-cert-file', path('server.pem')],
      ['tls-key-file', path('server.key')],
      ['tls-auth-clients', needsClientCertificate ? 'yes' : 'no'],
      ['tls-replication', 'yes'],
      ['tls-cluster', 'yes'],
    ],
    query: String(query),
    clientOptions: { ca: readFileSync(path('ca.pem')) },
    ca: path('ca.pem'),
  };
}

/**
 * Exits with 0 when a probe of a pod answers 200: the health check of the image, which has no other program that
 * could ask. Reads no configuration, so that it says nothing but what the pod says of itself.
 *
 *   node src/health-check.ts http://127.0.0.1:3000/readyz
 */
import { get } from 'node:http';

const timeoutMs = 2000;

const request = get(process.argv[2] ?? '', { agent: false, timeout: timeoutMs }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1);
});
request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
request.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

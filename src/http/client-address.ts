import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * The address of who sent a request. The only reader of X-Forwarded-For.
 * @param hops proxies of ours in front, each of which appends the address that it saw
 */
export function clientAddress(request: IncomingMessage, hops: number): string {
  const seen = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  const claimed = hops > 0 ? seen.at(-hops)?.trim() : undefined;
  const address = claimed && isIP(claimed) ? claimed : (request.socket.remoteAddress ?? '');
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

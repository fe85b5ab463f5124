import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * The address of who sent a request, in its one usual spelling. The only reader of X-Forwarded-For.
 * @param hops proxies of ours in front, each of which appends the address that it saw. What stands further left
 *   was claimed by the sender, and is not looked at.
 */
export function clientAddress(request: IncomingMessage, hops: number): string {
  const seen = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  const claimed = hops > 0 ? spellOut(seen.at(-hops) ?? '') : undefined;
  return claimed ?? spellOut(request.socket.remoteAddress ?? '') ?? 'unknown';
}

/** Some proxies add the port, and the brackets of an IPv6 address with it. */
const withPort = /^\[(?<six>[^\]]+)\](?::\d+)?$|^(?<four>[\d.]+):\d+$/;

function spellOut(text: string): string | undefined {
  const { six, four } = withPort.exec(text.trim())?.groups ?? {};
  const address = (six ?? four ?? text.trim()).split('%')[0] ?? '';
  if (isIP(address) === 4) return address;
  if (isIP(address) !== 6) return undefined;
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  // An IPv4 address inside an IPv6 one (RFC 4291 2.5.5.2) is the same sender.
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  const bytes = [high, low].flatMap((part) => {
    const value = Number.parseInt(part, 16);
    return [value >> 8, value & 255];
  });
  return bytes.join('.');
}

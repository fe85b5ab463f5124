import { isIP } from 'node:net';

/**
 * The networks that an address is counted in, the narrow one first. Who has one IPv6 address has its whole /64 and
 * often a /48 (RFC 6177); an IPv4 address stands for one household or office, and its /24 for a hosting company's
 * rack.
 * @param address in its usual spelling, as http/client-address.ts gives it; anything else is one block by itself
 */
export function addressBlocks(address: string): { narrow: string; wide: string } {
  const version = isIP(address);
  if (version === 4) {
    return { narrow: `${address}/32`, wide: `${address.slice(0, address.lastIndexOf('.'))}.0/24` };
  }
  if (version === 6) {
    const groups = groupsOf(address);
    return { narrow: `${groups.slice(0, 4).join(':')}::/64`, wide: `${groups.slice(0, 3).join(':')}::/48` };
  }
  return { narrow: address, wide: address };
}

/** The eight groups of an IPv6 address without leading zeros. */
function groupsOf(address: string): string[] {
  const short = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1);
  const [head = '', tail] = short.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
}

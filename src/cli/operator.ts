import { userInfo } from 'node:os';
import { permissions } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import { randomText } from '../random.ts';

/**
 * Who runs the command line has the keys and the Redis, and so may do everything; the audit has their system user.
 */
export function operator(): Actor {
  const name = systemUser();
  return {
    kind: 'operator',
    id: name,
    name,
    permissions: new Set(permissions),
    via: 'cli',
    requestId: randomText(12),
    address: '',
  };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container a process may run under a number that has no name.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

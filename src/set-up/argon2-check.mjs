/**
 * Exits with 0 when a build of argon2 gives the tag of RFC 9106 5.3, several times on memory that it has kept.
 *
 *   node src/set-up/argon2-check.mjs <file>
 */
import { createRequire } from 'node:module';

const { hash } = createRequire(import.meta.url)(process.argv[2]);
const expected = '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659';
const input = () => ({
  ...{ type: 2, version: 0x13, m: 32, t: 3, p: 4, hashLength: 32 },
  password: Buffer.alloc(32, 1),
  salt: Buffer.alloc(16, 2),
  secret: Buffer.alloc(8, 3),
  data: Buffer.alloc(12, 4),
});

for (let round = 0; round < 3; round++) {
  const tags = await Promise.all(Array.from({ length: 4 }, () => hash(input())));
  for (const tag of tags) {
    if (tag.toString('hex') !== expected) throw new Error(`a wrong hash: ${tag.toString('hex')}`);
  }
}

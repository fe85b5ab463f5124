/**
 * One binding's process for password-speed.ts: hashes as often as it is told, and prints what that took.
 *
 *   node bench/password-hasher.ts <binding> <hashes> <at once>
 */
import { argon2 as nodeArgon2, randomBytes } from 'node:crypto';

const password = 'correct horse battery staple';
const [binding = '', count = '40', atOnce = '1'] = process.argv.slice(2);

/** Each with the parameters of src/accounts/password.ts. */
const bindings: Record<string, () => Promise<() => Promise<unknown>>> = {
  async holdfast() {
    const { createPasswordHasher } = await import('../src/accounts/password.ts');
    const hasher = createPasswordHasher({ concurrency: Number(atOnce), queue: 0, poolSize: 64 });
    return () => hasher.hash(password);
  },
  // What tells it from the one above is the environment that password-speed.ts gives this process.
  async prebuilt() {
    return bindings.holdfast?.() ?? Promise.reject(new Error('no such binding'));
  },
  async 'node-rs'() {
    const { hash } = await import('@node-rs/argon2');
    const parameters = { memoryCost: 46 * 1024, timeCost: 1, parallelism: 1, outputLen: 32 };
    return () => hash(password, { ...parameters, salt: randomBytes(32) });
  },
  async 'node-crypto'() {
    const parameters = { memory: 46 * 1024, passes: 1, parallelism: 1, tagLength: 32 };
    return () =>
      new Promise((resolve, reject) => {
        const message = { message: password, nonce: randomBytes(32), ...parameters };
        nodeArgon2('argon2id', message, (error, tag) => (error ? reject(error) : resolve(tag)));
      });
  },
};

const hash = await (bindings[binding]?.() ?? Promise.reject(new Error(`no binding ${binding}`)));
async function work(hashes: number): Promise<void> {
  let left = hashes;
  const one = async () => {
    while (left-- > 0) await hash();
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, one));
}

// What a process does once is not measured.
await work(2 * Number(atOnce));
const begunCpu = process.cpuUsage();
const begun = process.hrtime.bigint();
await work(Number(count));
const wallMs = Number(process.hrtime.bigint() - begun) / 1e6 / Number(count);
const { user, system } = process.cpuUsage(begunCpu);
const cpuMs = (user + system) / 1000 / Number(count);
process.stdout.write(JSON.stringify({ wallMs, cpuMs, memoryMiB: process.resourceUsage().maxRSS / 1024 }));

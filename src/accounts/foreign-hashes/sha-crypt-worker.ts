/** The thread of sha-crypt.ts: the algorithm of Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512". */
import { hash as digestOf } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { ShaCryptQuestion } from './sha-crypt.ts';

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function shaCrypt({ password, digest, salt: saltText, rounds }: ShaCryptQuestion): string {
  const hash = (...parts: Buffer[]) => digestOf(digest, Buffer.concat(parts), 'buffer');
  const key = Buffer.from(password);
  const salt = Buffer.from(saltText);
  const alternate = hash(key, salt, key);

  const first = [key, salt, repeat(alternate, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) first.push((bits & 1) === 1 ? alternate : key);
  let current = hash(...first);

  const keySequence = repeat(hash(repeat(key, key.length * key.length)), key.length);
  const saltCopies = 16 + (current[0] ?? 0);
  const saltSequence = repeat(hash(repeat(salt, salt.length * saltCopies)), salt.length);
  for (let round = 0; round < rounds; round++) {
    const isOdd = round % 2 === 1;
    current = hash(
      isOdd ? keySequence : current,
      ...(round % 3 === 0 ? [] : [saltSequence]),
      ...(round % 7 === 0 ? [] : [keySequence]),
      isOdd ? current : keySequence,
    );
  }
  return encode(current);
}

/** So many bytes of it, over and over. */
function repeat(bytes: Buffer, length: number): Buffer {
  return bytes.length === 0 ? bytes : Buffer.alloc(length, bytes);
}

/** The bytes in groups of three from three thirds of the digest, each third in turn the first; four signs a group. */
function encode(digest: Buffer): string {
  const third = Math.floor(digest.length / 3);
  const isLong = digest.length === 64;
  let text = '';
  for (let i = 0; i < third; i++) {
    const group = [digest[i], digest[i + third], digest[i + 2 * third]];
    const turn = isLong ? i % 3 : (2 * i) % 3;
    const [high = 0, middle = 0, low = 0] = [0, 1, 2].map((place) => group[(place + turn) % 3]);
    text += signs((high << 16) | (middle << 8) | low, 4);
  }
  if (isLong) return text + signs(digest[63] ?? 0, 2);
  return text + signs(((digest[31] ?? 0) << 8) | (digest[30] ?? 0), 3);
}

function signs(value: number, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += alphabet[(value >> (6 * i)) & 63];
  return text;
}

parentPort?.postMessage(shaCrypt(workerData as ShaCryptQuestion));

import { readBcryptSha256 } from './bcrypt.ts';
import { type ForeignScheme, fromBase64 } from './foreign-hash.ts';
import { readPbkdf2 } from './pbkdf2.ts';
import { readScrypt } from './scrypt.ts';

/** What Django's hashers write: the name of the algorithm, then its parts between dollar signs; salts are text. */
export const django: ForeignScheme = {
  read(stored) {
    const [algorithm = '', ...parts] = stored.split('$');
    if (algorithm === 'bcrypt_sha256') return readBcryptSha256(parts.join('$'));
    if (algorithm === 'pbkdf2_sha256' || algorithm === 'pbkdf2_sha1') {
      const [iterations = '', salt = '', hashText = '', ...rest] = parts;
      const hash = fromBase64(hashText);
      if (!hash || salt === '' || rest.length > 0 || !isNumber(iterations)) return undefined;
      return readPbkdf2(algorithm.slice('pbkdf2_'.length), Number(iterations), salt, hash);
    }
    if (algorithm === 'scrypt') {
      const [cost = '', salt = '', blockSize = '', parallelism = '', hashText = '', ...rest] = parts;
      const hash = fromBase64(hashText);
      if (!hash || rest.length > 0 || ![cost, blockSize, parallelism].every(isNumber)) return undefined;
      const parameters = {
        cost: Number(cost),
        blockSize: Number(blockSize),
        parallelism: Number(parallelism),
      };
      return readScrypt(parameters, salt, hash);
    }
    return undefined;
  },
};

function isNumber(text: string): boolean {
  return /^[1-9]\d{0,8}$/.test(text);
}

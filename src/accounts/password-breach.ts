import { createHash } from 'node:crypto';
import type { Log } from '../log.ts';
import { fitPassword } from './password.ts';

const timeoutMs = 1000;
/** A range has about a thousand lines of some forty characters. */
const longestAnswer = 1024 * 1024;

/**
 * Passwords that were stolen somewhere, as a service knows them that is told only five hexadecimal digits of a
 * password's SHA-1, and answers with every hash that begins so (the range API of Have I Been Pwned, or a copy of
 * it inside one's own network).
 * @param url what the five digits are put behind, such as https://api.pwnedpasswords.com/range/
 */
export function createBreachList(url: string, log: Log) {
  const base = url.endsWith('/') ? url : `${url}/`;
  let breachAsked = 0;
  let breachUnanswered = 0;

  return {
    /** False also when there is no answer: nobody is kept from choosing a password by another service's outage. */
    async has(password: string): Promise<boolean> {
      const hash = createHash('sha1')
        .update(fitPassword(password)?.text ?? password)
        .digest('hex')
        .toUpperCase();
      breachAsked += 1;
      try {
        return isListed(await fetchRange(`${base}${hash.slice(0, 5)}`), hash.slice(5));
      } catch (error) {
        breachUnanswered += 1;
        log.warn(
          { reason: reasonOf(error) },
          'the list of stolen passwords did not answer; one was accepted unseen',
        );
        return false;
      }
    },
    counts: () => ({ breachAsked, breachUnanswered }),
  };
}

async function fetchRange(url: string): Promise<string> {
  const response = await fetch(url, {
    // Padding: the size of the answer must not tell which range was asked for.
    headers: { 'Add-Padding': 'true', 'User-Agent': 'Holdfast', Accept: 'text/plain' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > longestAnswer) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('latin1');
}

/** Lines of padding are hashes that were seen no times. */
function isListed(range: string, suffix: string): boolean {
  const lines = range.split('\n').map((line) => line.trim());
  if (!lines.every((line) => line === '' || /^[0-9A-F]{35}:\d+$/i.test(line))) {
    throw new Error('the answer is no range of hashes');
  }
  const found = lines.find((line) => line.slice(0, 35).toUpperCase() === suffix);
  return found !== undefined && Number(found.slice(36)) > 0;
}

/** Nothing of the address: five digits of the hash stand in it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.name === 'TimeoutError') return 'no answer in time';
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.message;
}

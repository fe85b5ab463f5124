/**
 * Tells "Redis cannot answer now" from every other error of a Redis command. Owns the list of such answers;
 * whoever runs commands decides what to do about them.
 */
import { Unavailable } from '../errors.ts';

/** First words of error replies by which a server says that it cannot serve at the moment. */
const passingReplies = new Set([
  'READONLY', // the primary was demoted
  'LOADING', // starting up
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN', // the slot is being moved
  'MOVED', // reach us only when redirections ran out, or from a pipeline
  'ASK',
  'UNBLOCKED', // demoted while a command was blocked
  'BUSY', // a script runs for too long
]);

/** As above, but lasting until somebody frees memory, disk or brings replicas back. */
const lastingReplies = new Set(['MISCONF', 'OOM', 'NOREPLICAS']);

/** How WAIT and WAITAOF are refused when the primary was demoted since the write: nobody knows what became of it. */
const waitOnReplica = 'cannot be used with replica instances';

/** What ioredis says when there is no connection, or none any more, or no answer in time. */
const clientMessages = [
  'Connection is closed.',
  'Command timed out',
  'Command aborted due to connection close',
  'enableOfflineQueue options is false',
  'Reached the max retries per request limit',
  'Too many Cluster redirections.',
  'None of startup nodes is available',
  'Failed to refresh slots cache.',
  'Cluster is ended.',
  'Socket timeout.',
  'max number of clients reached',
];

const networkCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN'],
  ...['ENETUNREACH', 'ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN'],
]);

const passingSeconds = 1;
const lastingSeconds = 5;

/**
 * For errors of Redis commands alone. What says that Redis cannot answer now comes back as `Unavailable`
 * with the error as its cause; anything else comes back as it is. After a lost connection or a timeout
 * nobody knows whether the command was carried out.
 */
export function toUnavailable<E>(error: E): E | Unavailable {
  if (error instanceof Unavailable || !(error instanceof Error)) return error;
  const [firstWord = ''] = error.message.split(' ', 1);
  if (lastingReplies.has(firstWord)) {
    return new Unavailable(`Redis refuses writes: ${error.message}`, {
      cause: error,
      retryAfterSeconds: lastingSeconds,
    });
  }
  const isPassing =
    passingReplies.has(firstWord) ||
    error.message.includes(waitOnReplica) ||
    clientMessages.some((message) => error.message.includes(message)) ||
    ('code' in error && networkCodes.has(String(error.code)));
  if (!isPassing) return error;
  return new Unavailable(`Redis cannot answer now: ${error.message}`, {
    cause: error,
    retryAfterSeconds: passingSeconds,
  });
}

/** Whether the error of a Redis command says that Redis cannot answer now. */
export function isOutage(error: unknown): boolean {
  return toUnavailable(error) instanceof Unavailable;
}

/**
 * Whether a Cluster node refused the command because the slot is served elsewhere. Nothing was carried out, so
 * the same may be sent again at once.
 */
export function isRedirect(error: unknown): boolean {
  return error instanceof Error && /^(MOVED|ASK|TRYAGAIN) /.test(error.message);
}

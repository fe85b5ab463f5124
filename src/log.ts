import { destination, type Logger, pino } from 'pino';

export type Log = Logger;

/** Fields that may carry a secret are cut wherever they appear, so that a careless log call leaks nothing. */
const secretFields = new Set([
  'password',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'code_verifier',
  'client_assertion',
  'authorization',
  'cookie',
  'csrf',
  'xsrf',
]);

/**
 * JSON lines on standard output (or on the given file descriptor), one object per event.
 * @param level a pino level: trace, debug, info, warn, error, fatal, silent
 * @param pod the name of this pod, on every line
 */
export function createLog(level: string, pod: string, fileDescriptor = 1): Log {
  return pino(
    {
      level,
      base: { pod },
      timestamp: pino.stdTimeFunctions.isoTime,
      // By hand: the same with pino's `redact` takes three times as long as the whole line.
      formatters: { level: (label) => ({ level: label }), log: (fields) => cutSecrets(fields) },
      serializers: { err: describeError, error: describeError },
    },
    // Written in blocks, and at least this often: a system call for each line would cost more than the line.
    destination({ dest: fileDescriptor, sync: false, minLength: 4096, periodicFlush: 200 }),
  );
}

/** The fields themselves, and those of objects in them. */
function cutSecrets(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  let cut = fields;
  for (const [name, value] of Object.entries(fields)) {
    let safe = value;
    if (secretFields.has(name)) safe = '[cut]';
    else if (depth === 0 && isPlainObject(value)) safe = cutSecrets(value, depth + 1);
    if (safe === value) continue;
    if (cut === fields) cut = { ...fields };
    cut[name] = safe;
  }
  return cut;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Resolves when all that was logged is written; before the process ends. */
export function flushLog(log: Log): Promise<void> {
  return new Promise((resolve) => log.flush(() => resolve()));
}

/** An error as the log may have it: name, message, stack and causes, without attached request data. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return String(error);
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(error.cause !== undefined && depth < 3 ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

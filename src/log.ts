import { destination, type Logger, pino } from 'pino';

export type Log = Logger;

/** Fields that may carry a secret are cut wherever they appear, so that a careless log call leaks nothing. */
const secretFields = [
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
];

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
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[cut]' },
      serializers: { err: describeError, error: describeError },
    },
    // Written in blocks, and at least this often: a system call for each line would cost more than the line.
    destination({ dest: fileDescriptor, sync: false, minLength: 4096, periodicFlush: 200 }),
  );
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

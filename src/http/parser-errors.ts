import { type Server, STATUS_CODES } from 'node:http';
import type { Log } from '../log.ts';
import { newRequestId } from './request-log.ts';

/** What is wrong with bytes that are no request; any other code is a 400. */
const statuses: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/** Answers, plainly, what never becomes a request: it cannot be read, is too large, or does not come to an end. */
export function answerParserErrors(server: Server, log: Log): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const status = statuses[error.code ?? ''] ?? 400;
    const requestId = newRequestId();
    log.info({ requestId, status, reason: error.code }, 'request');
    const text = `${STATUS_CODES[status]}\n`;
    // Never into the middle of an earlier answer: each of ours is given to the socket in one piece.
    socket.end(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Connection: close',
        'Content-Type: text/plain; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(text)}`,
        'Cache-Control: no-store',
        'X-Content-Type-Options: nosniff',
        `X-Request-Id: ${requestId}`,
        '',
        text,
      ].join('\r\n'),
      () => socket.destroy(),
    );
  });
}

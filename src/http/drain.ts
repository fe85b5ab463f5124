import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export type Drain = {
  /** From then on the pod is unready, and each answer ends its connection. */
  hasBegun(): boolean;
  /** Resolves when the last connection is closed, after `seconds` at the latest. */
  run(): Promise<void>;
};

const lookEveryMs = 100;

/**
 * Ends a server without failing a request. Whoever sends requests here learns only in a moment that this pod is
 * unready. Until then it goes on serving, and tells each connection to close, so that none is cut with a request
 * on its way. Only then it takes no more connections, and finishes what is in flight. A connection that is kept
 * alive but was not used for as long again is closed; one that is still in use is told to close by its next answer,
 * since closing it could cut a request that has just been sent.
 */
export function createDrain(server: Server, options: { pauseMs: number; seconds: number }): Drain {
  /** Open connections, and since when each one is idle; undefined while a request is in flight on it. */
  const idleSince = new Map<Socket, number | undefined>();
  server.on('connection', (socket) => {
    idleSince.set(socket, performance.now());
    socket.once('close', () => idleSince.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    idleSince.set(socket, undefined);
    response.once('close', () => {
      if (idleSince.has(socket)) idleSince.set(socket, performance.now());
    });
  });

  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    if (!server.listening) return;
    const allowedMs = options.seconds * 1000;
    const pauseMs = Math.min(options.pauseMs, allowedMs);
    await pause(pauseMs);
    const closed = once(server, 'close');
    // That of http.Server closes idle connections at once.
    NetServer.prototype.close.call(server);
    const closeUnused = () => {
      const before = performance.now() - 2 * pauseMs;
      for (const [socket, since] of idleSince) if (since !== undefined && since <= before) socket.destroy();
    };
    closeUnused();
    const closing = setInterval(closeUnused, lookEveryMs);
    const late = setTimeout(() => server.closeAllConnections(), allowedMs - pauseMs);
    await closed;
    clearInterval(closing);
    clearTimeout(late);
  }

  return {
    hasBegun: () => draining !== undefined,
    run() {
      draining ??= drain();
      return draining;
    },
  };
}

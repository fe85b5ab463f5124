import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export type Drain = {
  /** From then on the pod is unready, and each answer ends its connection. */
  hasBegun(): boolean;
  /** Resolves when the last connection is closed, after `seconds` at the latest. */
  run(): Promise<void>;
};

/**
 * Ends a server without failing a request. Whoever sends requests here learns only in a moment that this pod is
 * unready. Until then it goes on serving, and tells each connection to close, so that none is cut with a request
 * on its way. Only then it takes no more connections, closes the idle ones, and finishes what is in flight.
 */
export function createDrain(server: Server, options: { pauseMs: number; seconds: number }): Drain {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });

  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    if (!server.listening) return;
    const allowedMs = options.seconds * 1000;
    const pauseMs = Math.min(options.pauseMs, allowedMs);
    await pause(pauseMs);
    const closed = once(server, 'close');
    server.close();
    // Node counts a connection that was opened ahead, and never used, as a request that is about to come.
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    const late = setTimeout(() => server.closeAllConnections(), allowedMs - pauseMs);
    await closed;
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

/**
 * Which pods are alive: each says so every second, and what it runs and serves. One that was silent for ten seconds
 * is taken for dead.
 */
export type Pod = {
  /** The name of the pod, with a part that is new at each start. */
  id: string;
  name: string;
  version: string;
  /** ms of Redis time. */
  startedAt: number;
  seenAt: number;
  /** Of the key set that it serves; see oidc/key-lifecycle.ts. */
  keySetVersion: number;
  isReady: boolean;
};

export type Pods = {
  /** Those that are alive, by name. @throws Unavailable */
  list(): Promise<Pod[]>;
  /** Says now what has changed, rather than within a second. */
  tell(): Promise<void>;
  close(): Promise<void>;
};

import type { ClientStore } from './client-store.ts';
import type { InteractionStore } from './interaction-store.ts';
import type { PushedRequestStore } from './pushed-request-store.ts';
import type { SessionStore } from './session-store.ts';
import type { TokenStore } from './token-store.ts';

/** What the engine stores for one of its models; the fields in use are named, the rest passes through. */
export type Payload = {
  [field: string]: unknown;
  jti?: string;
  kind?: string;
  exp?: number;
  iat?: number;
  uid?: string;
  accountId?: string;
  clientId?: string;
  grantId?: string;
  userCode?: string;
  consumed?: number;
};

/** The engine's storage contract (its example/my_adapter.js). Ids it does not know are simply not found. */
export type ModelAdapter = {
  upsert(id: string, payload: Payload, expiresIn: number): Promise<void>;
  find(id: string): Promise<Payload | undefined>;
  findByUid(uid: string): Promise<Payload | undefined>;
  findByUserCode(userCode: string): Promise<Payload | undefined>;
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
};

export type Stores = {
  tokens: TokenStore;
  sessions: SessionStore;
  interactions: InteractionStore;
  pushedRequests: PushedRequestStore;
  clients: ClientStore;
};

/** The adapter factory that the engine is configured with: each model goes to the store that owns it. */
export function createAdapter(stores: Stores): (model: string) => ModelAdapter {
  const { tokens, sessions, interactions, pushedRequests, clients } = stores;

  const token: ModelAdapter = {
    ...nothing,
    async upsert(id, payload, expiresIn) {
      if (expiresIn <= 0) return;
      await tokens.upsert(id, payload, expiresIn);
      if (payload.userCode !== undefined) tokens.pointUserCode(payload.userCode, id, expiresIn);
    },
    find: (id) => tokens.find(id),
    findByUserCode: (userCode) => tokens.findByUserCode(userCode),
    consume: (id) => tokens.consume(id),
    destroy: async (id) => tokens.destroy(id),
    // No index of a grant's tokens is kept: each use reads the grant, so destroying that is enough.
    revokeByGrantId: async () => {},
  };

  const byModel: Record<string, ModelAdapter> = {
    Grant: {
      ...nothing,
      upsert: (id, payload, expiresIn) => tokens.upsertGrant(id, payload, expiresIn),
      find: (id) => tokens.findGrant(id),
      destroy: async (id) => tokens.destroyGrant(id),
    },
    Session: {
      ...nothing,
      upsert: (id, payload, expiresIn) => sessions.upsert(id, payload, expiresIn),
      find: (id) => sessions.find(id),
      findByUid: (uid) => sessions.findByUid(uid),
      destroy: (id) => sessions.destroy(id),
    },
    Interaction: {
      ...nothing,
      upsert: (id, payload, expiresIn) => interactions.upsert(id, payload, expiresIn),
      find: (id) => interactions.find(id),
      destroy: (id) => interactions.spend(id),
    },
    PushedAuthorizationRequest: {
      ...nothing,
      upsert: async (id, payload, expiresIn) => pushedRequests.upsert(id, payload, expiresIn),
      find: (id) => pushedRequests.find(id),
      consume: (id) => pushedRequests.spend(id),
    },
    Client: { ...nothing, find: (id) => clients.findForEngine(id) },
    AuthorizationCode: token,
    AccessToken: token,
    RefreshToken: token,
    ClientCredentials: token,
    DeviceCode: token,
    BackchannelAuthenticationRequest: token,
    PreAuthorizedCode: token,
    InitialAccessToken: token,
    RegistrationAccessToken: token,
  };

  return (model) => {
    // ReplayDetection has no adapter: engine.ts answers it by one SET NX.
    return byModel[model] ?? nothing;
  };
}

/** Refuses what a model does not do: a call that arrives here is one that nobody has thought about. */
const nothing: ModelAdapter = {
  upsert: refuse('upsert'),
  find: refuse('find'),
  findByUid: refuse('findByUid'),
  findByUserCode: refuse('findByUserCode'),
  consume: refuse('consume'),
  destroy: refuse('destroy'),
  revokeByGrantId: refuse('revokeByGrantId'),
};

function refuse(operation: string) {
  return async (): Promise<never> => {
    throw new Error(`${operation} is no operation of this model`);
  };
}

/**
 * Owns the relying party's connection to the provider: its metadata and keys, fetched when they are first needed
 * and kept for some minutes (the only thing that an instance remembers), and which pod answered each request.
 * Does not own the flows.
 */
import {
  createRemoteJWKSet,
  customFetch as customJwksFetch,
  errors,
  type JWKSCacheInput,
  jwksCache,
  jwtVerify,
} from 'jose';
import * as oidc from 'openid-client';
import { findOutage } from './outage.ts';
import { type Answer, type PatientFetch, patientFetch } from './patient-fetch.ts';
import type { Step } from './records.ts';

export type ProviderOptions = { issuer: string; clientId: string; clientSecret: string };

export type ProviderLink = {
  /** Readies the provider for one browser request, whose steps go to `log`. Throws `Outage`. */
  connect(log: StepLog): Promise<Connection>;
};

export type Connection = {
  configuration: oidc.Configuration;
  /** Checks the signature of an ID token against the provider's published keys. */
  checkSignature(idToken: string): Promise<'good' | 'bad' | 'keys unreachable'>;
};

/** What happened on behalf of one browser request; `during` names the request for people. */
export type StepLog = { steps: Step[]; note(name: string, answer: Answer): void };

export function createStepLog(during: string): StepLog {
  const steps: Step[] = [];
  return {
    steps,
    note(name, { pod, status, ms, sends }) {
      steps.push({ during, name, pod, status, ms, sends, at: Date.now() });
    },
  };
}

const freshMs = 5 * 60_000;

type Known = { metadata: oidc.ServerMetadata; fetchedAt: number; keys: JWKSCacheInput };

export function createProviderLink({ issuer, clientId, clientSecret }: ProviderOptions): ProviderLink {
  const authentication = oidc.ClientSecretBasic(clientSecret);
  const insecure = new URL(issuer).protocol === 'http:' ? [oidc.allowInsecureRequests] : [];
  let known: Known | undefined;

  const discover = async (log: StepLog): Promise<Known> => {
    const fetch = patientFetch('provider', (answer) => log.note('Discovery', answer));
    const configuration = await oidc.discovery(new URL(issuer), clientId, undefined, authentication, {
      execute: insecure,
      [oidc.customFetch]: (url, options) => fetch(url, replayable(options)),
    });
    return { metadata: configuration.serverMetadata(), fetchedAt: Date.now(), keys: {} };
  };

  const current = async (log: StepLog): Promise<Known> => {
    if (known !== undefined && Date.now() - known.fetchedAt < freshMs) return known;
    try {
      known = await discover(log);
      return known;
    } catch (error) {
      const outage = findOutage(error);
      if (outage === undefined) throw error;
      if (known === undefined) throw outage;
      return known;
    }
  };

  return {
    async connect(log) {
      const { metadata, keys } = await current(log);
      const fetch = patientFetch('provider', (answer) => log.note(stepName(answer.url, metadata), answer));
      const configuration = new oidc.Configuration(metadata, clientId, undefined, authentication);
      for (const extend of insecure) extend(configuration);
      // The patient fetch has a time limit for each send instead.
      configuration.timeout = 0;
      configuration[oidc.customFetch] = (url, options) => fetch(url, replayable(options));

      return {
        configuration,
        checkSignature: (idToken) => checkSignature(idToken, metadata, keys, fetch),
      };
    },
  };
}

async function checkSignature(
  idToken: string,
  metadata: oidc.ServerMetadata,
  keys: JWKSCacheInput,
  fetch: PatientFetch,
): Promise<'good' | 'bad' | 'keys unreachable'> {
  if (metadata.jwks_uri === undefined) return 'bad';
  // Made anew each time so that the fetch belongs to this request; the keys it found stay in `keys`.
  const keySet = createRemoteJWKSet(new URL(metadata.jwks_uri), {
    cacheMaxAge: freshMs,
    // Only tokens that the provider itself has just sent come here, so an unknown key is always worth a look.
    cooldownDuration: 0,
    timeoutDuration: 60_000,
    [jwksCache]: keys,
    [customJwksFetch]: fetch,
  });
  const algorithms = metadata.id_token_signing_alg_values_supported?.filter((alg) =>
    /^(RS|PS|ES|Ed)/.test(alg),
  );
  try {
    await jwtVerify(idToken, keySet, { issuer: metadata.issuer, algorithms, clockTolerance: 30 });
    return 'good';
  } catch (error) {
    if (findOutage(error)) return 'keys unreachable';
    if (error instanceof errors.JOSEError) return 'bad';
    throw error;
  }
}

function stepName(url: string, metadata: oidc.ServerMetadata): string {
  if (url === metadata.token_endpoint) return 'Tokens';
  if (url === metadata.userinfo_endpoint) return 'User info';
  if (url === metadata.jwks_uri) return 'Signing keys';
  return 'Provider';
}

/** The part of a request that can be sent twice. The client library never sends a stream for these endpoints. */
function replayable({ method, headers, body }: oidc.CustomFetchOptions) {
  if (typeof body === 'string' || body instanceof URLSearchParams || body instanceof Uint8Array) {
    return { method, headers, body };
  }
  if (body === undefined || body === null) return { method, headers };
  throw new TypeError('a request body that cannot be sent twice');
}

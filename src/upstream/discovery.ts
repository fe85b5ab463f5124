import {
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  type CustomFetch,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
} from 'openid-client';
import { nowMs } from '../clock.ts';
import type { Log } from '../log.ts';
import { OutboundFailure } from './outbound-fetch.ts';
import { problemOf } from './provider-problem.ts';
import type { ProviderSettings } from './provider-settings.ts';

const times = {
  /** Fresh metadata is used as it is; older is used too, and asked for anew meanwhile. */
  freshMs: 10 * 60 * 1000,
  /** Metadata that could not be refreshed for so long is used no more. */
  longestMs: 24 * 60 * 60 * 1000,
  /** After a failure nobody asks again for so long: what is down is not knocked at by each visitor. */
  pauseMs: 1000,
};

/** Gives the configuration of one issuer, which knows its endpoints and keys. @throws as `problemOf` reads */
export function createDiscovery(
  settings: ProviderSettings,
  fetch: CustomFetch,
  log: Log,
  { freshMs, longestMs, pauseMs } = times,
): () => Promise<Configuration> {
  let current: { configuration: Configuration; at: number } | undefined;
  let asking: Promise<Configuration> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;

  async function ask(): Promise<Configuration> {
    try {
      const configuration = await discover(settings, fetch);
      current = { configuration, at: nowMs() };
      failedAt = Number.NEGATIVE_INFINITY;
      return configuration;
    } catch (error) {
      failedAt = nowMs();
      log.warn(
        { upstream: settings.id, reason: problemOf(error).reason },
        'discovery of another provider failed',
      );
      throw error;
    } finally {
      asking = undefined;
    }
  }

  return async () => {
    const age = current ? nowMs() - current.at : Number.POSITIVE_INFINITY;
    if (current && age < freshMs) return current.configuration;
    const isPause = nowMs() - failedAt < pauseMs;
    if (!isPause) asking ??= ask();
    if (current && age < longestMs) {
      asking?.catch(() => {});
      return current.configuration;
    }
    if (asking) return asking;
    throw new OutboundFailure('discovery failed a moment ago');
  };
}

async function discover(settings: ProviderSettings, fetch: CustomFetch): Promise<Configuration> {
  const isHttp = settings.issuer.startsWith('http:');
  const configuration = await discovery(
    new URL(settings.issuer),
    settings.clientId,
    { [clockTolerance]: 30 },
    // Which way of the two a server takes is known only once it was asked.
    (as, client, body, headers) => {
      const methods = as.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
      const isBasic = methods.includes('client_secret_basic');
      const authenticate = isBasic ? ClientSecretBasic : ClientSecretPost;
      authenticate(settings.clientSecret)(as, client, body, headers);
    },
    { [customFetch]: fetch, ...(isHttp ? { execute: [allowInsecureRequests] } : {}) },
  );
  // The signature of an ID token that came straight from the token endpoint need not be checked (Core
  // 3.1.3.7); here it is.
  enableNonRepudiationChecks(configuration);
  return configuration;
}

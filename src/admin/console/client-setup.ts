import type { ClientMetadata, Resource } from '../../oidc/oidc.ts';
import { type ClientKind, kindOf, kindQuestions, scopesFor } from './client-kinds.ts';
import { textsOf } from './client-labels.ts';
import type { FrameworkValues, SettingsFile } from './framework-settings/framework.ts';
import { frameworksFor } from './framework-settings/frameworks.ts';

/** What an application needs to sign people in by its client, ready to be copied. */
export type ClientSetup = {
  kind: ClientKind;
  values: FrameworkValues;
  frameworks: { id: string; name: string; isChosen: boolean }[];
  files: SettingsFile[];
  /** How the chosen framework sends the secret, where the client expects it otherwise. */
  wantedMethod: 'client_secret_basic' | 'client_secret_post' | undefined;
};

/** @param chosen the id of a framework; the first one of the kind when there is no such */
export function setupOf(
  metadata: ClientMetadata,
  parts: { issuer: string; resources: Resource[]; chosen: string },
): ClientSetup {
  const kind = kindOf(metadata);
  const choices = frameworksFor(kind, { withGateways: true });
  const framework = choices.find(({ id }) => id === parts.chosen) ?? choices[0];
  const values = valuesOf(metadata, parts);
  const method = metadata.token_endpoint_auth_method ?? 'client_secret_basic';
  const wanted = framework?.sendsSecretInBody ? 'client_secret_post' : 'client_secret_basic';
  const isAffected =
    framework !== undefined &&
    framework.id !== 'generic' &&
    kindQuestions[kind].hasSecret &&
    (method === 'client_secret_basic' || method === 'client_secret_post');
  return {
    kind,
    values,
    frameworks: choices.map(({ id, name }) => ({ id, name, isChosen: id === framework?.id })),
    files: framework?.files(values) ?? [],
    wantedMethod: isAffected && method !== wanted ? wanted : undefined,
  };
}

function valuesOf(
  metadata: ClientMetadata,
  { issuer, resources }: { issuer: string; resources: Resource[] },
): FrameworkValues {
  const indicators = textsOf(metadata, 'resources');
  const { id_token_signed_response_alg: alg } = metadata;
  return {
    issuer,
    clientId: metadata.client_id,
    redirectUri: textsOf(metadata, 'redirect_uris')[0] ?? '',
    postLogoutUri: textsOf(metadata, 'post_logout_redirect_uris')[0],
    scopes: kindOf(metadata) === 'service' ? [] : scopesFor(metadata),
    apis: indicators.flatMap((indicator) => {
      const found = resources.find((one) => one.indicator === indicator);
      return found ? [{ indicator, scopes: found.scopes.map(({ name }) => name) }] : [];
    }),
    signingAlgorithm: typeof alg === 'string' ? alg : 'ES256',
  };
}

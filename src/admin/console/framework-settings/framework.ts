import type { ClientKind } from '../client-kinds.ts';

/** What the settings of an application are made of. A secret is none of it: that is named, never written. */
export type FrameworkValues = {
  issuer: string;
  clientId: string;
  redirectUri: string;
  /** Where people go after sign-out; undefined where that is not registered. */
  postLogoutUri: string | undefined;
  scopes: string[];
  /** Of which it asks tokens; the first is what examples use. */
  apis: { indicator: string; scopes: string[] }[];
  /** The algorithm of ID tokens. */
  signingAlgorithm: string;
};

export type SettingsFile = {
  /** The name of the file, as people of that framework know it. */
  name: string;
  /** For tests, which parse what there is a parser for. */
  language:
    | 'js'
    | 'ts'
    | 'tsx'
    | 'json'
    | 'yaml'
    | 'toml'
    | 'ini'
    | 'env'
    | 'java'
    | 'csharp'
    | 'python'
    | 'php'
    | 'ruby'
    | 'go'
    | 'kotlin'
    | 'swift'
    | 'dart'
    | 'xml'
    | 'shell'
    | 'text';
  text: string;
};

export type Framework = {
  id: string;
  name: string;
  kinds: readonly ClientKind[];
  /** Of the redirect address, where the framework decides it. */
  callbackPath?: string;
  /** It sends its secret in the body of the request, and cannot do otherwise. */
  sendsSecretInBody?: boolean;
  files(values: FrameworkValues): SettingsFile[];
};

/** Where the secret is read from. */
export const secretVariable = 'OIDC_CLIENT_SECRET';

/** In double quotes; for JSON, YAML, JavaScript, Python, Go, Java and C#. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** In single quotes without interpolation; for JavaScript, PHP and Ruby. */
export function single(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** In double quotes for languages that put values where a dollar is: Kotlin and Dart. */
export function quotedDollar(text: string): string {
  return JSON.stringify(text).replaceAll('$', '\\$');
}

/** In single quotes for a shell, or an .env file. */
export function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function pathOf(address: string): string {
  return URL.parse(address)?.pathname ?? '/callback';
}

export function originOf(address: string): string {
  return URL.parse(address)?.origin ?? 'https://app.example.com';
}

/** The scheme of an address without its colon; of a custom one as well. */
export function schemeOf(address: string): string {
  return address.slice(0, Math.max(address.indexOf(':'), 0)) || 'com.example.app';
}

/** Endpoints, for frameworks that do not discover them. */
export function endpointsOf(issuer: string) {
  return {
    authorization: `${issuer}/auth`,
    token: `${issuer}/token`,
    userinfo: `${issuer}/me`,
    jwks: `${issuer}/jwks`,
    endSession: `${issuer}/session/end`,
    deviceAuthorization: `${issuer}/device/auth`,
    discovery: `${issuer}/.well-known/openid-configuration`,
  };
}

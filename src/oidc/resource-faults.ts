import { type Fault, nameFaults, sizeFaults, textFaults } from '../access/access.ts';
import { claimsByScope } from './claims.ts';
import type { ResourceDraft } from './resources.ts';

/** What does not fit in the definition of an API, for whoever wrote it. */

const longestIndicator = 500;
const mostScopes = 200;
const longestDescription = 200;
/** In seconds: an API that checks JWTs by itself goes on accepting one until it expires. */
const accessTokenSeconds = { least: 60, most: 86_400 };

const algorithms = ['RS256', 'ES256', 'EdDSA'];
const formats = ['jwt', 'opaque'];

/** RFC 6749 3.3. */
const scopePattern = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/;

/** Those of the sign-in itself; an API's would be taken for them. */
const ownScopes = new Set([...Object.keys(claimsByScope({ roles: [], groups: [] })), 'offline_access']);

export function indicatorFaults(indicator: string, issuer: string): Fault[] {
  const fault = (message: string) => [{ path: 'indicator', message }];
  // RFC 8707 2: an absolute URI without a fragment. It is compared as text, so there must be one spelling of it.
  const isUri = /^[a-z][a-z0-9+.-]*:[^\s"<>\\^`{|}]+$/i.test(indicator) && URL.canParse(indicator);
  if (!isUri || !/^[\x21-\x7e]+$/.test(indicator)) {
    return fault('Use the whole address of the API, such as https://api.example.com.');
  }
  if (indicator.includes('#')) return fault('An address without # and what follows it, please.');
  if (indicator.length > longestIndicator) return fault(`At most ${longestIndicator} characters, please.`);
  if (indicator === issuer || indicator === `${issuer}/` || indicator.startsWith(`${issuer}/admin`)) {
    return fault('This is an address of the identity provider itself.');
  }
  return [];
}

export function resourceFaults(draft: ResourceDraft): Fault[] {
  const { name, scopes, accessTokenSeconds: seconds, signingAlgorithm, format, hasRoles } = draft;
  const { least, most } = accessTokenSeconds;
  const faults = nameFaults('name', name);
  if (seconds !== undefined && !(Number.isSafeInteger(seconds) && seconds >= least && seconds <= most)) {
    faults.push({ path: 'accessTokenSeconds', message: `Between ${least} and ${most} seconds, please.` });
  }
  if (!algorithms.includes(signingAlgorithm)) {
    faults.push({ path: 'signingAlgorithm', message: `One of ${algorithms.join(', ')}, please.` });
  }
  if (!formats.includes(format)) {
    faults.push({ path: 'format', message: `One of ${formats.join(', ')}, please.` });
  }
  if (typeof hasRoles !== 'boolean') faults.push({ path: 'hasRoles', message: 'True or false, please.' });
  return [...faults, ...scopeFaults(scopes), ...sizeFaults({ name, scopes })];
}

function scopeFaults(scopes: ResourceDraft['scopes']): Fault[] {
  if (scopes.length > mostScopes) {
    return [{ path: 'scopes', message: `At most ${mostScopes} scopes, please.` }];
  }
  const names = scopes.map(({ name }) => name);
  return scopes.flatMap(({ name, description }, index) => {
    const path = `scopes.${index}`;
    const message = scopeNameFault(name) ?? (names.indexOf(name) < index ? 'It is there twice.' : undefined);
    return [
      ...(message === undefined ? [] : [{ path: `${path}.name`, message }]),
      ...textFaults(`${path}.description`, description, longestDescription),
    ];
  });
}

function scopeNameFault(name: string): string | undefined {
  if (!scopePattern.test(name)) {
    return 'A scope is one word of plain letters, digits and signs, such as orders:read.';
  }
  return ownScopes.has(name)
    ? 'This scope belongs to the sign-in itself. Please choose another name.'
    : undefined;
}

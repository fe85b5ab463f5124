import { expect } from 'chai';
import type { Admin } from '../../src/admin/admin.ts';
import { adminApiRoutes } from '../../src/admin/api/api.ts';
import { type ConsoleParts, consoleTable } from '../../src/admin/console/console.ts';

/** Acts of the console, by their address, and the operation of the API that calls the same flow. */
const same: Record<string, string> = {
  'accounts/bulk/disable': 'disableAccount',
  'accounts/bulk/end-sessions': 'endAccountSessions',
  'accounts/bulk/add-to-group': 'assignRoles',
  'accounts/new': 'createAccount',
  'accounts/:id/edit': 'updateAccount',
  'accounts/:id/access': 'assignRoles',
  'accounts/:id/disable': 'disableAccount',
  'accounts/:id/enable': 'enableAccount',
  'accounts/:id/delete': 'deleteAccount',
  'accounts/:id/end-sessions': 'endAccountSessions',
  'accounts/:id/sessions/:part/end': 'endSession',
  'accounts/:id/grants/:part/revoke': 'revokeGrant',
  'accounts/:id/verify-email': 'verifyEmail',
  'accounts/:id/reset': 'sendReset',
  'accounts/:id/expire-password': 'expirePassword',
  'accounts/:id/reset-factors': 'resetFactors',
  'accounts/:id/factors/:part/remove': 'removeFactor',
  'accounts/:id/password': 'setPassword',
  'clients/new/web': 'createClient',
  'clients/new/spa': 'createClient',
  'clients/new/native': 'createClient',
  'clients/new/service': 'createClient',
  'clients/new/device': 'createClient',
  'clients/new/gateway': 'createClient',
  'clients/:id/ready': 'getClient',
  'clients/:id/edit/general': 'updateClient',
  'clients/:id/edit/redirects': 'updateClient',
  'clients/:id/edit/sign-in': 'updateClient',
  'clients/:id/edit/people': 'updateClient',
  'clients/:id/edit/tokens': 'updateClient',
  'clients/:id/edit/keys': 'updateClient',
  'clients/:id/edit/apis': 'updateClient',
  'clients/:id/edit/roles': 'updateClient',
  'clients/:id/json': 'updateClient',
  'clients/:id/secrets/new': 'addClientSecret',
  'clients/:id/secrets/:secret/remove': 'removeClientSecret',
  'clients/:id/disable': 'disableClient',
  'clients/:id/enable': 'enableClient',
  'clients/:id/delete': 'deleteClient',
  'clients/:id/end-sessions': 'endClientSessions',
  'clients/:id/revoke-grants': 'revokeClientGrants',
  'resources/new': 'createResource',
  'resources/:api/edit': 'updateResource',
  'resources/:api/delete': 'deleteResource',
  'roles/new': 'createRole',
  'roles/:id/edit': 'updateRole',
  'roles/:id/delete': 'deleteRole',
  'groups/new': 'createGroup',
  'groups/:id/edit': 'updateGroup',
  'groups/:id/delete': 'deleteGroup',
  'sessions/end': 'endSessions',
  'sessions/account/:id/end': 'endAccountSessions',
  'sessions/end-all': 'endAllSessions',
  'keys/rotate/:use': 'rotateKeys',
  'keys/:id/revoke': 'revokeKey',
  'settings/people': 'updateSettings',
  'settings/sign-in': 'updateSettings',
  'settings/sessions': 'updateSettings',
  'settings/tokens': 'updateSettings',
  'settings/audit': 'updateSettings',
  'settings/keys': 'updateSettings',
  'audit/verify': 'verifyEvents',
};

/** Whoever has a link to become an owner needs no permission; the API has no such thing. */
const consoleOnly = ['owner'];

describe('console and API', () => {
  const operations = new Map(adminApiRoutes({} as Admin).map((route) => [route.operationId, route]));
  const acts = consoleTable({} as ConsoleParts)
    .filter(({ method }) => method === 'POST')
    .map((route) => ({ ...route, at: route.path.replace('/admin/', '') }));

  it('ask for the same permission where they do the same', () => {
    for (const { at, permission } of acts) {
      if (consoleOnly.includes(at)) continue;
      expect(`${at}: ${permission}`).to.equal(`${at}: ${operations.get(same[at] ?? '')?.permission}`);
    }
  });

  it('are compared act by act, with none left out', () => {
    expect(acts.map(({ at }) => at).sort()).to.deep.equal([...Object.keys(same), ...consoleOnly].sort());
    const changing = [...operations.values()].filter(({ method }) => method !== 'GET');
    const compared = new Set(Object.values(same));
    // Many rows at once, each with a permission of its own.
    const apiOnly = ['bulkAccounts'];
    expect(changing.map(({ operationId }) => operationId).filter((id) => !compared.has(id))).to.have.members(
      apiOnly,
    );
  });
});

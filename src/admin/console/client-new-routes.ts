import { z } from 'zod';
import type { Reply } from '../../http/route.ts';
import { apiChoices, roleChoices } from './client-choices.ts';
import { type FieldChoice, linesOf } from './client-fields.ts';
import { type ClientKind, clientKinds, kindQuestions, metadataFor, personScopes } from './client-kinds.ts';
import { clientPath, clientsPath } from './client-labels.ts';
import type { Choice, FoundAddress, WizardEntered } from './client-views.ts';
import type { ConsoleParts } from './console.ts';
import { boxField, type ConsoleRoute, consoleRoute, manyField, textField } from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit, withQuery } from './console-visit.ts';
import { frameworksFor } from './framework-settings/frameworks.ts';
import { createNewSecretCookie } from './new-secret-cookie.ts';
import { findingsOf } from './redirect-address.ts';

const path = `${clientsPath}/new`;
const mostAddresses = 20;

const fields = {
  name: textField(200),
  redirects: textField(20_000),
  postLogout: textField(20_000),
  ours: boxField,
  scope: manyField,
  offline: boxField,
  api: manyField,
  role: manyField,
  framework: textField(40),
};
type Entered = { [N in keyof typeof fields]: z.output<(typeof fields)[N]> };

/**
 * The way to a new client: the kind of application first, then what that kind needs. Each kind has an address of its
 * own, so that a form knows its questions.
 */
export function clientNewRoutes({ admin, visits, issuer, sealer }: ConsoleParts): ConsoleRoute[] {
  const secrets = createNewSecretCookie(sealer);

  const lookAt = (addresses: string[], kind: ClientKind): FoundAddress[] =>
    addresses.slice(0, mostAddresses).map((address) => ({
      address,
      findings: findingsOf(address, { isNative: kind === 'native', issuer }),
    }));

  async function show(
    visit: Visit,
    kind: ClientKind,
    entered: WizardEntered & { apis: string[]; roles: string[] },
    says: Says & { status?: number } = {},
  ): Promise<Reply> {
    const { hasApis, hasRoles } = kindQuestions[kind];
    const [apis, roles] = await Promise.all([
      hasApis ? apiChoices(admin, visit, issuer) : [],
      hasRoles ? roleChoices(admin, visit) : [],
    ]);
    return visits.show(
      visit,
      'admin-client-new',
      'clients',
      {
        kind,
        questions: kindQuestions[kind],
        entered,
        frameworks: frameworksFor(kind).map(({ id, name, callbackPath = '' }) => ({
          id,
          name,
          callbackPath,
        })),
        apis: ticked(apis, entered.apis),
        roles: ticked(roles, entered.roles),
        found: lookAt([...linesOf(entered.redirects), ...linesOf(entered.postLogout)], kind).filter(
          ({ findings }) => findings.length > 0,
        ),
      },
      says,
    );
  }

  /** What is wrong before the flow is asked, in the words of the form. */
  function faultsIn(visit: Visit, kind: ClientKind, entered: Entered): Says['faults'] {
    const { t } = visit;
    const { hasRedirects } = kindQuestions[kind];
    const wrongIn = (text: string) =>
      lookAt(linesOf(text), kind).flatMap(({ address, findings }) =>
        findings.flatMap(({ isWrong, code, message, better }) =>
          isWrong ? [`${address}: ${message ?? t(`admin.address.${code}`, { better: better ?? '' })}`] : [],
        ),
      );
    const faults = [
      ...(entered.name === '' ? [{ path: 'name', message: t('admin.client.new.no-name') }] : []),
      ...(hasRedirects && linesOf(entered.redirects).length === 0
        ? [{ path: 'redirects', message: t('admin.client.new.no-redirect') }]
        : []),
      ...wrongIn(entered.redirects).map((message) => ({ path: 'redirects', message })),
      ...wrongIn(entered.postLogout).map((message) => ({ path: 'postLogout', message })),
    ];
    return faults.length > 0 ? faults : undefined;
  }

  async function create(visit: Visit, kind: ClientKind, body: Entered): Promise<Reply> {
    const entered = {
      ...body,
      isOurs: body.ours,
      isOffline: body.offline,
      scopes: body.scope,
      apis: body.api,
      roles: body.role,
    };
    const faults = faultsIn(visit, kind, body);
    if (faults) {
      return show(visit, kind, entered, {
        problem: visit.t('admin.client.new.problem'),
        faults,
        status: 422,
      });
    }
    const framework = frameworksFor(kind).find(({ id }) => id === body.framework);
    const metadata = metadataFor(kind, {
      ...entered,
      redirects: linesOf(body.redirects),
      postLogout: linesOf(body.postLogout),
    });
    const made = await admin.clients.create(visit.actor, {
      ...metadata,
      ...(framework?.sendsSecretInBody ? { token_endpoint_auth_method: 'client_secret_post' } : {}),
    });
    if (!made.ok) return show(visit, kind, entered, visits.refusal(made));
    const { client, secret } = made.value;
    const id = client.metadata.client_id;
    const next = withQuery(`${clientPath(id)}/ready`, { for: framework?.id, new: 'yes' });
    return {
      ...doneAt(next, 'client-created'),
      ...(secret === undefined ? {} : { cookies: [secrets.give(visit, id, secret)] }),
    };
  }

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'clients:write',
      query: { kind: z.enum(clientKinds).optional().catch(undefined), role: manyField },
      async handle({ visit, query: { kind, role } }) {
        if (kind) return { redirect: `${path}/${kind}${role.length > 0 ? `?${rolesQuery(role)}` : ''}` };
        return visits.show(visit, 'admin-client-kinds', 'clients', { kinds: clientKinds });
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${path}/addresses`,
      permission: 'clients:write',
      // Asked by a script while somebody types; it only says what is wrong.
      isSensitive: false,
      query: { kind: z.enum(clientKinds).catch('web'), addresses: textField(20_000) },
      handle: async ({ visit, query: { kind, addresses } }) =>
        visits.show(visit, 'admin-client-addresses', 'clients', {
          found: lookAt(linesOf(addresses), kind).filter(({ findings }) => findings.length > 0),
        }),
    }),
    ...clientKinds.flatMap((kind) => [
      consoleRoute({
        method: 'GET',
        path: `${path}/${kind}`,
        permission: 'clients:write',
        query: { role: manyField },
        handle: ({ visit, query: { role } }) => show(visit, kind, { ...emptyFor(kind), roles: role }),
      }),
      consoleRoute({
        method: 'POST',
        path: `${path}/${kind}`,
        permission: 'clients:write',
        body: fields,
        back: () => `${path}/${kind}`,
        handle: ({ visit, body }) => create(visit, kind, body),
      }),
    ]),
  ];
}

function emptyFor(kind: ClientKind) {
  return {
    name: '',
    redirects: '',
    postLogout: '',
    isOurs: true,
    scopes: personScopes.filter((one) => one === 'profile' || one === 'email'),
    isOffline: kindQuestions[kind].isOfflineAtFirst,
    framework: '',
    apis: [],
    roles: [],
  };
}

function ticked(choices: FieldChoice[], chosen: string[]): Choice[] {
  return choices.map((one) => ({ ...one, isOn: chosen.includes(one.value) }));
}

function rolesQuery(roles: string[]): string {
  return roles.map((role) => `role=${encodeURIComponent(role)}`).join('&');
}

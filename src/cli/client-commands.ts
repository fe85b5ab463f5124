import { type Command, Option } from 'commander';
import { type ClientMetadata, faultOfNewClientId, mintClientId, secondFactorRules } from '../oidc/oidc.ts';
import { kindMetadata } from './client-kinds.ts';
import { addClientSecretCommands } from './client-secret-commands.ts';
import { addClientStateCommands } from './client-state-commands.ts';
import { many } from './option-values.ts';
import { CommandFailed, orFail, print, withAdmin } from './run.ts';

type Options = {
  kind: keyof typeof kindMetadata;
  id?: string;
  redirectUri: string[];
  postLogoutRedirectUri: string[];
  resource: string[];
  corsOrigin: string[];
  role: string[];
  firstParty: boolean;
  secondFactor?: string;
  jwksUri?: string;
};

export function addClientCommands(program: Command): void {
  const client = program.command('client').description('applications that rely on this provider');

  client
    .command('create')
    .description('create a client; its secret is printed once')
    .argument('<name>', 'what people see, such as "Harbour Notes"')
    .addOption(
      new Option('--kind <kind>', 'of application').choices(Object.keys(kindMetadata)).default('web'),
    )
    .option('--id <client_id>', 'made up when left out')
    .option('--redirect-uri <uri>', 'where people come back to; may be repeated', many, [])
    .option('--post-logout-redirect-uri <uri>', 'where they go after sign-out; may be repeated', many, [])
    .option('--resource <uri>', 'an API that it may ask tokens for; may be repeated', many, [])
    .option('--cors-origin <origin>', 'an origin that its pages call us from; may be repeated', many, [])
    .option('--role <id>', 'a role under which it acts on the admin API; may be repeated', many, [])
    .option('--first-party', 'it is ours: people are not asked for consent', false)
    .addOption(
      new Option('--second-factor <rule>', 'what it asks of a sign-in; optional when left out').choices([
        ...secondFactorRules,
      ]),
    )
    .option('--jwks-uri <uri>', 'it signs in with a key of its own (private_key_jwt) instead of a secret')
    .action(create);

  addClientStateCommands(client);
  addClientSecretCommands(client);
}

async function create(name: string, options: Options, command: Command): Promise<void> {
  const metadata = metadataOf(name, options);
  await withAdmin(async (admin, actor) => {
    const { secret } = orFail(await admin.clients.create(actor, metadata));
    print(command, { client_id: metadata.client_id, ...(secret ? { client_secret: secret } : {}) }, [
      `client_id      ${metadata.client_id}`,
      ...(secret ? [`client_secret  ${secret}`, 'The secret is not shown again.'] : []),
    ]);
  });
}

function metadataOf(name: string, options: Options): ClientMetadata {
  const id = options.id ?? mintClientId();
  const fault = faultOfNewClientId(id);
  if (fault) throw new CommandFailed(`--id ${fault}.`);
  if (options.kind !== 'service' && options.redirectUri.length === 0) {
    throw new CommandFailed(`A ${options.kind} client needs at least one --redirect-uri.`);
  }
  const given = (field: string, list: string[]) => (list.length > 0 ? { [field]: list } : {});
  return {
    client_id: id,
    client_name: name,
    ...given('redirect_uris', options.redirectUri),
    ...given('post_logout_redirect_uris', options.postLogoutRedirectUri),
    ...given('resources', options.resource),
    ...given('cors_origins', options.corsOrigin),
    ...given('roles', options.role),
    ...(options.firstParty ? { first_party: true } : {}),
    ...(options.secondFactor ? { second_factor: options.secondFactor } : {}),
    ...kindMetadata[options.kind],
    ...(options.jwksUri ? { jwks_uri: options.jwksUri, token_endpoint_auth_method: 'private_key_jwt' } : {}),
  };
}

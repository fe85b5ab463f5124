import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import { type ClientMetadata, isClientId, mintClientSecret, secondFactorRules } from '../oidc/oidc.ts';
import { wholeNumber } from './account-commands.ts';
import { CommandFailed, print, withParts } from './run.ts';

/** What each kind of application needs; the rest follows from the options. */
const kinds: Record<string, Partial<ClientMetadata>> = {
  web: { token_endpoint_auth_method: 'client_secret_basic', application_type: 'web' },
  spa: { token_endpoint_auth_method: 'none', application_type: 'web' },
  native: { token_endpoint_auth_method: 'none', application_type: 'native' },
  service: {
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  },
};

type Options = {
  kind: string;
  id?: string;
  redirectUri: string[];
  postLogoutRedirectUri: string[];
  resource: string[];
  corsOrigin: string[];
  firstParty: boolean;
  secondFactor?: string;
  jwksUri?: string;
};

export function addClientCommands(program: Command): void {
  const client = program.command('client').description('applications that rely on this provider');
  const many = (value: string, earlier: string[]) => [...earlier, value];

  client
    .command('create')
    .description('create a client; its secret is printed once')
    .argument('<name>', 'what people see, such as "Harbour Notes"')
    .addOption(new Option('--kind <kind>', 'of application').choices(Object.keys(kinds)).default('web'))
    .option('--id <client_id>', 'made up when left out')
    .option('--redirect-uri <uri>', 'where people come back to; may be repeated', many, [])
    .option('--post-logout-redirect-uri <uri>', 'where they go after sign-out; may be repeated', many, [])
    .option('--resource <uri>', 'an API that it may ask tokens for; may be repeated', many, [])
    .option('--cors-origin <origin>', 'an origin that its pages call us from; may be repeated', many, [])
    .option('--first-party', 'it is ours: people are not asked for consent', false)
    .addOption(
      new Option('--second-factor <rule>', 'what it asks of a sign-in; optional when left out').choices([
        ...secondFactorRules,
      ]),
    )
    .option('--jwks-uri <uri>', 'it signs in with a key of its own (private_key_jwt) instead of a secret')
    .action(async (name: string, options: Options, command: Command) => {
      const metadata = metadataOf(name, options);
      const needsSecret = metadata.token_endpoint_auth_method === 'client_secret_basic';
      const secret = needsSecret ? mintClientSecret() : undefined;
      await withParts(async ({ clients, checkClient }) => {
        try {
          await checkClient(secret ? { ...metadata, client_secret: secret } : metadata);
        } catch (error) {
          throw new CommandFailed(`This does not make a client: ${describe(error)}`);
        }
        if (!(await clients.create(metadata, secret))) {
          throw new CommandFailed(`There is a client with the id ${metadata.client_id} already.`);
        }
      });
      print(command, { client_id: metadata.client_id, ...(secret ? { client_secret: secret } : {}) }, [
        `client_id      ${metadata.client_id}`,
        ...(secret ? [`client_secret  ${secret}`, 'The secret is not shown again.'] : []),
      ]);
    });

  client
    .command('list')
    .description('list clients, oldest first')
    .option('--count <n>', 'how many', '50')
    .option('--offset <n>', 'how many to skip', '0')
    .action(async (options: { count: string; offset: string }, command: Command) => {
      const count = wholeNumber(options.count, '--count');
      await withParts(async ({ clients }) => {
        const found = await clients.list(Number(options.offset) || 0, count);
        print(command, { clients: found }, [
          ...found.map(({ client_id, client_name }) => `${client_id}  ${client_name ?? ''}`),
          ...(found.length === 0 ? ['No clients.'] : []),
        ]);
      });
    });
}

function metadataOf(name: string, options: Options): ClientMetadata {
  const id = options.id ?? randomBytes(12).toString('base64url');
  if (!isClientId(id)) {
    throw new CommandFailed('--id must be 1 to 128 visible ASCII characters, without spaces and braces.');
  }
  if (options.kind !== 'service' && options.redirectUri.length === 0) {
    throw new CommandFailed(`A ${options.kind} client needs at least one --redirect-uri.`);
  }
  return {
    client_id: id,
    client_name: name,
    ...(options.redirectUri.length > 0 ? { redirect_uris: options.redirectUri } : {}),
    ...(options.postLogoutRedirectUri.length > 0
      ? { post_logout_redirect_uris: options.postLogoutRedirectUri }
      : {}),
    ...(options.resource.length > 0 ? { resources: options.resource } : {}),
    ...(options.corsOrigin.length > 0 ? { cors_origins: options.corsOrigin } : {}),
    ...(options.firstParty ? { first_party: true } : {}),
    ...(options.secondFactor ? { second_factor: options.secondFactor } : {}),
    ...kinds[options.kind],
    ...(options.jwksUri ? { jwks_uri: options.jwksUri, token_endpoint_auth_method: 'private_key_jwt' } : {}),
  };
}

function describe(error: unknown): string {
  const { error_description: description, message } = error as {
    error_description?: string;
    message?: string;
  };
  return description ?? message ?? String(error);
}

import { type Command, Option } from 'commander';
import type { ResourceDraft } from '../oidc/resources.ts';
import { many, wholeNumber } from './option-values.ts';
import { orFail, print, withAdmin } from './run.ts';

type Options = {
  name?: string;
  scope: string[];
  format?: ResourceDraft['format'];
  algorithm?: ResourceDraft['signingAlgorithm'];
  seconds?: string;
  roles?: boolean;
};

export function addResourceCommands(program: Command): void {
  const resource = program.command('resource').description('APIs that applications ask tokens for');

  resource
    .command('list')
    .description('list APIs')
    .action(async (_options: unknown, command: Command) => {
      const resources = await withAdmin((admin) => admin.resources.list());
      print(command, { resources }, [
        ...resources.map(
          ({ indicator, scopes }) => `${indicator}  ${scopes.map(({ name }) => name).join(' ')}`,
        ),
      ]);
    });

  withOptions(
    resource.command('create').description('create an API').argument('<address>', 'its resource indicator'),
  ).action(async (indicator: string, options: Options, command: Command) => {
    const made = await withAdmin(async (admin, actor) =>
      orFail(await admin.resources.create(actor, indicator, draftOf(options))),
    );
    print(command, made, [`Created the API ${indicator}.`]);
  });

  withOptions(
    resource.command('update').description('change an API; what is not named stays').argument('<address>'),
  ).action(async (indicator: string, options: Options, command: Command) => {
    const made = await withAdmin(async (admin, actor) =>
      orFail(await admin.resources.update(actor, indicator, draftOf(options))),
    );
    print(command, made, [`Changed the API ${indicator}.`]);
  });

  resource
    .command('delete')
    .description('remove an API: no tokens are made for it any more')
    .argument('<address>')
    .action(async (indicator: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor) => orFail(await admin.resources.remove(actor, indicator)));
      print(command, { indicator }, [`Removed the API ${indicator}.`]);
    });
}

function withOptions(command: Command): Command {
  return command
    .option('--name <name>', 'what people see; the address when left out')
    .option('--scope <scope[=text]>', 'what applications may ask for; may be repeated', many, [])
    .addOption(new Option('--format <format>', 'of its tokens').choices(['jwt', 'opaque']))
    .addOption(new Option('--algorithm <alg>', 'that signs a JWT').choices(['RS256', 'ES256', 'EdDSA']))
    .option('--seconds <n>', 'how long a token lives')
    .option('--roles', 'its tokens have the roles and groups of the person')
    .option('--no-roles', 'they have not');
}

function draftOf({ name, scope, format, algorithm, seconds, roles }: Options): Partial<ResourceDraft> {
  return {
    ...(name !== undefined && { name }),
    ...(scope.length > 0 && {
      scopes: scope.map((pair) => {
        const [word = '', ...text] = pair.split('=');
        return { name: word, description: text.join('=') };
      }),
    }),
    ...(format && { format }),
    ...(algorithm && { signingAlgorithm: algorithm }),
    ...(seconds !== undefined && { accessTokenSeconds: wholeNumber(seconds, '--seconds', 86_400) }),
    ...(roles !== undefined && { hasRoles: roles }),
  };
}

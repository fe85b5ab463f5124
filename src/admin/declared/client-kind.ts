import type { Admin } from '../admin.ts';
import { isSame } from '../difference.ts';
import { done, type WriteOptions } from '../outcome.ts';
import type { DeclaredClient } from './declaration.ts';
import type { Fields, Found, Kind } from './kinds.ts';

/** How long the secret that a client had goes on to work beside a new one, so that its pods can be restarted. */
export const secretOverlapSeconds = 24 * 3600;

export function clientKind(
  { clients }: Pick<Admin, 'clients'>,
  declared: ReadonlyMap<string, DeclaredClient>,
): Kind {
  async function lacksSecret(id: string): Promise<string | undefined> {
    const secret = declared.get(id)?.secret;
    return secret === undefined || (await clients.hasSecret(id, secret)) ? undefined : secret;
  }

  return {
    ids: [...declared.keys()],

    wanted(id) {
      const client = declared.get(id);
      return client && { ...client.metadata, enabled: client.isEnabled };
    },

    async find(id) {
      const found = await clients.find(id);
      if (!found.ok) return undefined;
      const { metadata, isEnabled, isBuiltIn, version, createdAt } = found.value;
      const { client_id: _, ...fields } = metadata;
      return { fields: { ...fields, enabled: isEnabled }, version, createdAt, isFixed: isBuiltIn };
    },

    async besides(id) {
      if ((await lacksSecret(id)) === undefined) return undefined;
      return `another secret; the one that it has works for ${secretOverlapSeconds / 3600} more hours`;
    },

    async make(actor, id, options) {
      const { metadata, isEnabled, secret } = declared.get(id) ?? {
        metadata: {},
        isEnabled: true,
        secret: undefined,
      };
      const made = await clients.create(
        actor,
        { ...metadata, client_id: id },
        { ...options, ...(secret !== undefined && { secret }) },
      );
      if (!made.ok) return made;
      if (!isEnabled && !options.isDryRun) {
        const disabled = await clients.disable(actor, id);
        if (!disabled.ok) return disabled;
      }
      const { client, secret: shown } = made.value;
      return done({ createdAt: client.createdAt, secret: secret === undefined ? shown : undefined });
    },

    async change(actor, id, found, options) {
      const { metadata, isEnabled } = declared.get(id) ?? { metadata: {}, isEnabled: true };
      const changes = metadataChanges(found, metadata);
      if (Object.keys(changes).length > 0) {
        const updated = await clients.update(actor, id, changes, options);
        if (!updated.ok) return updated;
      }
      // What was seen of the metadata has been made sure of; the rest depends on nothing else.
      const rest: WriteOptions = { isDryRun: options.isDryRun ?? false };
      if (found.fields.enabled !== isEnabled) {
        const switched = await (isEnabled ? clients.enable : clients.disable)(actor, id, rest);
        if (!switched.ok) return switched;
      }
      const secret = await lacksSecret(id);
      if (secret === undefined || options.isDryRun) return done({});
      const added = await clients.addSecret(actor, id, { othersEndInSeconds: secretOverlapSeconds, secret });
      return added.ok ? done({}) : added;
    },

    remove: (actor, id, options) => clients.remove(actor, id, options),
  };
}

/** Fields to be set; null for one that is to go. */
function metadataChanges({ fields }: Found, wanted: Fields): Fields {
  const { enabled: _, ...has } = fields;
  const changes: Fields = {};
  for (const [field, value] of Object.entries(wanted)) {
    if (!isSame(has[field], value)) changes[field] = value;
  }
  for (const field of Object.keys(has)) if (wanted[field] === undefined) changes[field] = null;
  return changes;
}

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { Declaration } from '../admin/declared/declared.ts';
import { kindMetadata } from './client-kinds.ts';
import { type DeclaredFile, declaredFile } from './declared-schema.ts';
import { CommandFailed, environmentValue } from './run.ts';

/** A declaration with the line at which each thing stands, by "<section> <id>". */
export type ReadDeclaration = {
  declaration: Declaration;
  lineOf(section: string, id: string): number | undefined;
};

/** @throws CommandFailed naming each fault by its line and key */
export async function readDeclaration(path: string): Promise<ReadDeclaration> {
  const text = await readText(path, path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: '1.2' });
  const faults = document.errors.map(
    ({ message, pos }) => `line ${lines.linePos(pos[0]).line}: ${message.split(' at line ')[0]}`,
  );
  if (faults.length > 0) throw faulty(path, faults);

  const lineAt = (keys: readonly PropertyKey[]) => lineOf(document.contents, keys, lines);
  const parsed = declaredFile.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (!parsed.success) {
    const found = parsed.error.issues.flatMap((issue) => {
      if (issue.code !== 'unrecognized_keys') {
        const where = issue.path.map(String).join('.');
        return [{ line: lineAt(issue.path), text: `${where ? `${where} ` : ''}${issue.message}` }];
      }
      return issue.keys.map((key) => ({
        line: lineAt([...issue.path, key]),
        text: `${[...issue.path.map(String), key].join('.')} is not known here${nearest(issue.path)}`,
      }));
    });
    throw faulty(
      path,
      found
        .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
        .map(({ line, text: what }) => (line === undefined ? what : `line ${line}: ${what}`)),
    );
  }
  return {
    declaration: await toDeclaration(parsed.data, path),
    lineOf: (section, id) => lineAt([section, id]),
  };
}

async function toDeclaration(file: DeclaredFile, path: string): Promise<Declaration> {
  const clients: Declaration['clients'] = new Map();
  for (const [id, { kind, enabled, secret, ...given }] of Object.entries(file.clients)) {
    const metadata: Record<string, unknown> = { ...(kind && kindMetadata[kind]), ...given };
    clients.set(id, { metadata, isEnabled: enabled, secret: await readSecretOf(id, secret, path) });
  }
  return {
    managedBy: file.managed_by,
    resources: mapped(file.resources, (one, id) => ({
      name: plain(one.name ?? id),
      scopes: Object.entries(one.scopes).map(([name, description]) => ({
        name,
        description: (description ?? '').normalize('NFC'),
      })),
      accessTokenSeconds: one.access_token_seconds,
      signingAlgorithm: one.signing_algorithm,
      format: one.format,
      hasRoles: one.has_roles,
    })),
    roles: mapped(file.roles, (one, id) => ({
      ...one,
      name: plain(one.name ?? id),
      description: plain(one.description),
    })),
    groups: mapped(file.groups, (one, id) => ({
      ...one,
      name: plain(one.name ?? id),
      description: plain(one.description),
    })),
    settings: new Map(Object.entries(file.settings)) as Declaration['settings'],
    clients,
  };
}

function mapped<T, D>(things: Record<string, T>, to: (thing: T, id: string) => D): Map<string, D> {
  return new Map(Object.entries(things).map(([id, thing]) => [id, to(thing, id)]));
}

/** As it is kept, so that the next comparison finds no difference. */
function plain(text: string): string {
  return text.normalize('NFC').trim();
}

async function readSecretOf(
  id: string,
  secret: { env: string } | { file: string } | undefined,
  path: string,
): Promise<string | undefined> {
  if (secret === undefined) return undefined;
  if ('env' in secret) {
    const value = environmentValue(secret.env);
    if (value) return value;
    throw new CommandFailed(`clients.${id}.secret: the environment variable ${secret.env} is not set.`);
  }
  const from = resolve(dirname(path), secret.file);
  const text = (await readText(from, `clients.${id}.secret: ${secret.file}`)).trim();
  if (text === '') throw new CommandFailed(`clients.${id}.secret: ${secret.file} is empty.`);
  return text;
}

async function readText(path: string, name: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailed(`${name} cannot be read (${error.code}).`);
  });
}

function faulty(path: string, faults: string[]): CommandFailed {
  return new CommandFailed([`${path} cannot be used:`, ...faults.map((fault) => `  ${fault}`)].join('\n'));
}

function nearest(path: readonly PropertyKey[]): string {
  const [section, , field] = path;
  if (section === undefined) return '';
  return field === undefined ? `; see "holdfast apply --help" for what ${String(section)} can have` : '';
}

/** The line of the key that leads to a value; of the nearest thing around it where there is none. */
function lineOf(root: unknown, keys: readonly PropertyKey[], lines: LineCounter): number | undefined {
  let node: unknown = root;
  let offset = rangeStart(root);
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair) break;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else if (node && typeof node === 'object' && 'items' in node && Array.isArray(node.items)) {
      node = node.items[Number(key)];
      offset = rangeStart(node) ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function rangeStart(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}

/**
 * Renders a kustomization as `kubectl kustomize` does, where that is not at hand. Knows exactly the features that
 * k8s/ uses and refuses all others: resources, components, ConfigMaps from literals and files, images, namespace,
 * strategic merge patches and JSON patches. kustomize.test.ts holds it against the real one.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { applyJsonPatch, type Item, type JsonStep, mergeStrategically } from './manifest-patches.ts';

export type Manifest = Item & {
  apiVersion: string;
  kind: string;
  metadata: Item & { name: string; namespace?: string };
};

type Generator = {
  name: string;
  behavior?: 'create' | 'merge';
  literals?: string[];
  files?: string[];
  options?: { disableNameSuffixHash?: boolean; labels?: Record<string, string> };
};
type Patch = { path?: string; patch?: string; target?: { kind: string; name: string } };
type Kustomization = {
  apiVersion: string;
  kind: 'Kustomization' | 'Component';
  namespace?: string;
  resources?: string[];
  components?: string[];
  configMapGenerator?: Generator[];
  images?: { name: string; newName?: string; newTag?: string; digest?: string }[];
  patches?: Patch[];
};
const known = new Set([
  ...[
    'apiVersion',
    'kind',
    'namespace',
    'resources',
    'components',
    'configMapGenerator',
    'images',
    'patches',
  ],
]);

const clusterWide = new Set(['Namespace', 'PriorityClass']);
/** ConfigMaps whose names get the digest of what is in them. */
type Hashed = Set<Manifest>;

/** @param directory with a kustomization.yaml */
export function render(directory: string): Manifest[] {
  const hashed: Hashed = new Set();
  const manifests = accumulate(directory, [], hashed);
  const names = new Map([...hashed].map((map) => [map.metadata.name, `${map.metadata.name}-${digest(map)}`]));
  for (const manifest of manifests) refer(manifest, names);
  for (const map of hashed) map.metadata.name = names.get(map.metadata.name) ?? '';
  return manifests;
}

function accumulate(directory: string, inherited: Manifest[], hashed: Hashed): Manifest[] {
  const file = join(directory, 'kustomization.yaml');
  const plan = parse(readFileSync(file, 'utf8')) as Kustomization;
  for (const key of Object.keys(plan))
    if (!known.has(key)) throw new Error(`${file}: ${key} is not known here`);

  let manifests = [...inherited];
  for (const name of plan.resources ?? []) {
    const path = join(directory, name);
    manifests.push(...(isDirectory(path) ? accumulate(path, [], hashed) : readManifests(path)));
  }
  for (const generator of plan.configMapGenerator ?? []) generate(generator, directory, manifests, hashed);
  // After the ConfigMaps: what a component says overrides what is said beside it.
  for (const name of plan.components ?? []) manifests = accumulate(join(directory, name), manifests, hashed);
  for (const patch of plan.patches ?? []) applyPatch(patch, directory, manifests);
  for (const manifest of manifests) {
    if (plan.namespace && !clusterWide.has(manifest.kind)) manifest.metadata.namespace = plan.namespace;
    for (const image of plan.images ?? []) replaceImage(manifest, image);
  }
  return manifests;
}

export function readManifests(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    const [fault] = document.errors;
    if (fault) throw new Error(`${file}: ${fault.message}`);
    return document.toJS() as Manifest;
  });
}

function generate(generator: Generator, directory: string, manifests: Manifest[], hashed: Hashed): void {
  const data: Record<string, string> = {};
  for (const literal of generator.literals ?? []) {
    const equals = literal.indexOf('=');
    data[literal.slice(0, equals)] = literal.slice(equals + 1);
  }
  for (const file of generator.files ?? [])
    data[basename(file)] = readFileSync(join(directory, file), 'utf8');
  const there = manifests.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === generator.name,
  );
  if (generator.behavior === 'merge') {
    if (!there) throw new Error(`there is no ConfigMap ${generator.name} to merge with`);
    there.data = { ...(there.data as Item), ...data };
    return;
  }
  if (there) throw new Error(`there is a ConfigMap ${generator.name} already`);
  const { labels, disableNameSuffixHash } = generator.options ?? {};
  const metadata = { name: generator.name, ...(labels ? { labels } : {}) };
  const map: Manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  manifests.push(map);
  if (!disableNameSuffixHash) hashed.add(map);
}

function applyPatch({ path, patch, target }: Patch, directory: string, manifests: Manifest[]): void {
  const content = parse(path ? readFileSync(join(directory, path), 'utf8') : (patch ?? '')) as
    | Manifest
    | JsonStep[];
  const { kind, name } = Array.isArray(content)
    ? (target ?? { kind: '', name: '' })
    : { kind: content.kind, name: content.metadata.name };
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found.length !== 1) throw new Error(`a patch for ${kind} ${name} finds ${found.length} of it`);
  for (const manifest of found) {
    if (Array.isArray(content)) applyJsonPatch(manifest, content);
    else mergeStrategically(manifest, content);
  }
}

function replaceImage(
  manifest: Manifest,
  image: { name: string; newName?: string; newTag?: string; digest?: string },
): void {
  visit(manifest, (item) => {
    for (const container of ['containers', 'initContainers'].flatMap((key) => (item[key] ?? []) as Item[])) {
      const [name, tag] = String(container.image).split(':');
      if (name !== image.name) continue;
      const version = image.digest ? `@${image.digest}` : `:${image.newTag ?? tag}`;
      container.image = `${image.newName ?? name}${version}`;
    }
  });
}

function refer(manifest: Manifest, names: Map<string, string>): void {
  visit(manifest, (item) => {
    for (const key of ['configMap', 'configMapRef', 'configMapKeyRef']) {
      const reference = item[key] as Item | undefined;
      const name = names.get(String(reference?.name));
      if (reference && name) reference.name = name;
    }
  });
}

function visit(value: unknown, look: (item: Item) => void): void {
  if (Array.isArray(value)) {
    for (const each of value) visit(each, look);
  } else if (typeof value === 'object' && value !== null) {
    look(value as Item);
    for (const each of Object.values(value)) visit(each, look);
  }
}

/** As kustomize has it: of JSON with sorted keys and no name, escaped as Go does, in an alphabet without vowels. */
function digest({ data }: Manifest): string {
  const sorted = Object.fromEntries(Object.entries(data as Item).sort(([a], [b]) => (a < b ? -1 : 1)));
  const json = JSON.stringify({ data: sorted, kind: 'ConfigMap', name: '' }).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const alphabet: Record<string, string> = { 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' };
  const hex = createHash('sha256').update(json).digest('hex');
  return [...hex.slice(0, 10)].map((sign) => alphabet[sign] ?? sign).join('');
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

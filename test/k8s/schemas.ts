/**
 * Whether an API server would take a manifest. The schemas of Kubernetes and of the two operators, as
 * kubernetes-models has them, say what is required and of which type. They let unknown fields pass, which an API
 * server drops or refuses; so each manifest is also written down as a literal of its type, and the compiler looks.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from './kustomize.ts';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const compiler = join(modules, 'typescript', 'bin', 'tsc');

type Model = new (manifest: Manifest) => { validate(): void };

/** @returns what is wrong with it, or undefined */
export async function schemaFault(manifest: Manifest): Promise<string | undefined> {
  const models = (await import(moduleOf(manifest))) as Record<string, Model>;
  const model = models[manifest.kind];
  if (!model) throw new Error(`there is no schema for ${manifest.kind}`);
  try {
    new model(manifest).validate();
    return undefined;
  } catch (fault) {
    return `${titleOf(manifest)}: ${fault instanceof Error ? fault.message : fault}`;
  }
}

/** @returns a line for each field that its kind does not have, or that is of another type */
export function fieldFaults(manifests: Manifest[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-manifests-'));
  try {
    symlinkSync(modules, join(directory, 'node_modules'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    const lines = manifests.map((manifest, number) => {
      const type = `import('${moduleOf(manifest)}').I${manifest.kind}`;
      return `export const m${number}: ${type} = ${JSON.stringify(manifest)};`;
    });
    writeFileSync(join(directory, 'manifests.ts'), lines.join('\n'));
    const options = '--noEmit --strict --skipLibCheck --target esnext --module nodenext --pretty false';
    const args = [compiler, ...options.split(' '), '--types', '', join(directory, 'manifests.ts')];
    const { stdout, status } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
    if (status === 0) return [];
    return stdout.split('\n').flatMap((line) => {
      const [, number, text] = /manifests\.ts\((\d+),\d+\): (.*)$/.exec(line) ?? [];
      const manifest = manifests[Number(number) - 1];
      return manifest ? [`${titleOf(manifest)}: ${text}`] : line.startsWith('error') ? [line] : [];
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function moduleOf({ apiVersion, kind }: Manifest): string {
  const [group = ''] = apiVersion.split('/');
  const packages: Record<string, string> = {
    'cert-manager.io': '@kubernetes-models/cert-manager',
    'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  };
  return `${packages[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
}

function titleOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

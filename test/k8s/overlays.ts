/** What k8s/ renders to, and how to find one's way in it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Manifest, render } from './kustomize.ts';
import type { Item } from './manifest-patches.ts';

export const k8s = fileURLToPath(new URL('../../k8s/', import.meta.url));
export const overlayNames = readdirSync(join(k8s, 'overlays'));

export type Container = Item & {
  name: string;
  image: string;
  command?: string[];
  env?: { name: string; value?: string; valueFrom?: Item }[];
  envFrom?: { configMapRef: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: Item;
  volumeMounts: { name: string; mountPath: string }[];
};
export type PodSpec = Item & {
  containers: Container[];
  initContainers?: Container[];
  volumes: (Item & { name: string; secret?: { secretName: string }; configMap?: { name: string } })[];
  securityContext: Item;
  terminationGracePeriodSeconds: number;
};
export type Workload = { manifest: Manifest; labels: Record<string, string>; pod: PodSpec };

export class Rendered {
  readonly manifests: Manifest[];

  constructor(overlay: string) {
    this.manifests = render(join(k8s, 'overlays', overlay));
  }

  ofKind(kind: string): Manifest[] {
    return this.manifests.filter((manifest) => manifest.kind === kind);
  }

  one(kind: string, name: string): Manifest {
    const [found] = this.ofKind(kind).filter(({ metadata }) => metadata.name === name);
    if (!found) throw new Error(`there is no ${kind} ${name}`);
    return found;
  }

  workloads(): Workload[] {
    return ['Deployment', 'StatefulSet', 'Job']
      .flatMap((kind) => this.ofKind(kind))
      .map((manifest) => {
        const { template } = manifest.spec as {
          template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
        };
        return {
          manifest,
          labels: template.metadata.labels,
          pod: { ...template.spec, volumes: template.spec.volumes ?? [] },
        };
      });
  }

  workload(name: string): Workload {
    const found = this.workloads().find(({ manifest }) => manifest.metadata.name === name);
    if (!found) throw new Error(`there is no workload ${name}`);
    return found;
  }

  /** By the name that the kustomizations give it. */
  configMap(name: string): Record<string, string> {
    const found = this.ofKind('ConfigMap').find(
      ({ metadata }) => metadata.name.replace(/-[a-z0-9]{10}$/, '') === name,
    );
    if (!found) throw new Error(`there is no ConfigMap ${name}`);
    return found.data as Record<string, string>;
  }

  /** The environment of a container, but for what the cluster fills in. */
  environment(container: Container): Record<string, string> {
    const fromMaps = (container.envFrom ?? []).map(
      ({ configMapRef }) => this.one('ConfigMap', configMapRef.name).data as Record<string, string>,
    );
    const own = (container.env ?? []).map(({ name, value }) => [name, value ?? '']);
    return Object.assign({}, ...fromMaps, Object.fromEntries(own));
  }
}

const rendered = new Map<string, Rendered>();

export function overlay(name: string): Rendered {
  const there = rendered.get(name) ?? new Rendered(name);
  rendered.set(name, there);
  return there;
}

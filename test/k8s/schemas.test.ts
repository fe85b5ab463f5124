import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { type Manifest, render } from './kustomize.ts';
import { k8s, overlay, overlayNames } from './overlays.ts';
import { fieldFaults, schemaFault } from './schemas.ts';

describe('manifests as an API server sees them', () => {
  for (const name of overlayNames) {
    it(`has no fault in the overlay ${name}`, async () => {
      const { manifests } = overlay(name);
      const faults = await Promise.all(manifests.map(schemaFault));
      expect(faults.filter(Boolean)).to.deep.equal([]);
      expect(fieldFaults(manifests)).to.deep.equal([]);
    });
  }

  it('has no fault with the component sticky, which adds an affinity to the Service', async () => {
    const manifests = renderWith('sticky');
    const service = manifests.find(({ kind }) => kind === 'Service');
    expect((service?.spec as { sessionAffinity: string } | undefined)?.sessionAffinity).to.equal('ClientIP');
    if (service) expect(await schemaFault(service)).to.equal(undefined);
    expect(fieldFaults(manifests)).to.deep.equal([]);
  });

  it('names each object once, and all but the cluster-wide ones in the namespace holdfast', () => {
    for (const name of overlayNames) {
      const { manifests } = overlay(name);
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(names).size, name).to.equal(names.length);
      for (const { kind, metadata } of manifests) {
        const isClusterWide = kind === 'Namespace' || kind === 'PriorityClass';
        expect(metadata.namespace, `${kind} ${metadata.name}`).to.equal(
          isClusterWide ? undefined : 'holdfast',
        );
      }
    }
  });

  it('would find a wrong type, a field that is missing and a field that is not known', async () => {
    const service = (spec: object): Manifest => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec,
    });
    expect(await schemaFault(service({ ports: [{ port: '80' }] }))).to.match(/port must be integer/);
    expect(await schemaFault(service({ ports: [{}] }))).to.match(/required property port/);
    const [fault, ...more] = fieldFaults([service({ ports: [{ port: 80, potocol: 'TCP' }] })]);
    expect(fault).to.match(/^Service x: .*potocol/);
    expect(more).to.deep.equal([]);
  });
});

function renderWith(component: string): Manifest[] {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-overlay-'));
  try {
    const there = relative(directory, k8s);
    const plan = {
      namespace: 'holdfast',
      resources: [join(there, 'base')],
      components: [join(there, 'components', component)],
    };
    // JSON is YAML.
    writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(plan));
    return render(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

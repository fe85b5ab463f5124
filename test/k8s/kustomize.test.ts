import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './kustomize.ts';
import { render } from './kustomize.ts';
import { k8s, overlayNames } from './overlays.ts';

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

describe('rendering the kustomizations', () => {
  const directories = ['base', ...overlayNames.map((name) => join('overlays', name))];
  for (const directory of directories) {
    it(`gives for ${directory} what kubectl gives`, function () {
      if (!hasKubectl) this.skip();
      const { stdout, stderr, status } = spawnSync('kubectl', ['kustomize', join(k8s, directory)], {
        encoding: 'utf8',
      });
      expect(status, stderr).to.equal(0);
      const theirs = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
      expect(inOrder(render(join(k8s, directory)))).to.deep.equal(inOrder(theirs));
    });
  }

  it('uses each component in an overlay, or says that it stands by itself', () => {
    const used = new Set(
      overlayNames.flatMap((name) => {
        const text = spawnSync(
          'grep',
          ['-o', 'components/[a-z-]*', join(k8s, 'overlays', name, 'kustomization.yaml')],
          {
            encoding: 'utf8',
          },
        ).stdout;
        return text.trim().split('\n');
      }),
    );
    const all = readdirSync(join(k8s, 'components')).map((name) => `components/${name}`);
    // For those who want it: see schemas.test.ts.
    expect(all.filter((name) => !used.has(name))).to.deep.equal(['components/sticky']);
  });
});

function inOrder(manifests: Manifest[]): Manifest[] {
  const key = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;
  return manifests.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

import { expect } from 'chai';
import { overlay, overlayNames } from './overlays.ts';
import { isOpen } from './selectors.ts';

for (const name of overlayNames) {
  describe(`the network policies of ${name}`, () => {
    const rendered = overlay(name);
    const workloads = rendered.workloads();

    it('let nothing in and nothing out but what is named', () => {
      const policies = rendered.ofKind('NetworkPolicy');
      const { spec } = rendered.one('NetworkPolicy', 'default-deny');
      expect(spec).to.deep.equal({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
      for (const policy of policies) {
        const { ingress = [], egress = [] } = policy.spec as Record<
          'ingress' | 'egress',
          Record<string, unknown>[]
        >;
        for (const rule of [...ingress, ...egress]) {
          expect(rule.from ?? rule.to, policy.metadata.name).to.be.an('array').that.is.not.empty;
          expect(rule.ports, policy.metadata.name).to.be.an('array').that.is.not.empty;
        }
        for (const { to } of egress as { to: { ipBlock?: { cidr: string; except?: string[] } }[] }[]) {
          for (const { ipBlock } of to) {
            // Whoever may go everywhere may still not ask for the credentials of the node.
            if (ipBlock?.cidr === '0.0.0.0/0') expect(ipBlock.except).to.include('169.254.0.0/16');
          }
        }
      }
    });

    it('open both ends of each connection to Redis', () => {
      const peers = workloads.filter(({ labels }) => /^redis/.test(labels['app.kubernetes.io/name'] ?? ''));
      const holdfast = rendered.workload('holdfast').labels;
      for (const { manifest, labels, pod } of peers) {
        if (manifest.kind === 'Job') continue;
        const port = pod.containers[0]?.ports?.[0]?.containerPort ?? 0;
        expect(isOpen(rendered, holdfast, labels, port), `holdfast → ${manifest.metadata.name}`).to.equal(
          true,
        );
        const stranger = { 'app.kubernetes.io/name': 'stranger' };
        expect(isOpen(rendered, stranger, labels, port), manifest.metadata.name).to.equal(false);
      }
    });
  });
}

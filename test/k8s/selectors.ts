/** Which pods a selector means, and which of them the policies let talk. */
import type { Manifest } from './kustomize.ts';
import type { Rendered } from './overlays.ts';

export type Selector = {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values: string[] }[];
};

export function selects(manifest: Manifest, labels: Record<string, string>): boolean {
  return matches((manifest.spec as { selector: Selector }).selector, labels);
}

export function matches(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Record<string, string>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(
      ({ key, operator, values }) => operator === 'In' && values.includes(labels[key] ?? ''),
    )
  );
}

/** Whether the policies let one pod of the namespace reach another: both its way out and the other's way in. */
export function isOpen(
  rendered: Rendered,
  from: Record<string, string>,
  to: Record<string, string>,
  port: number,
): boolean {
  type Rule = { from?: Peer[]; to?: Peer[]; ports: { port: number }[] };
  type Peer = { podSelector?: Selector; namespaceSelector?: Selector };
  const lets = (
    direction: 'ingress' | 'egress',
    own: Record<string, string>,
    other: Record<string, string>,
  ) =>
    rendered.ofKind('NetworkPolicy').some(({ spec }) => {
      const { podSelector, [direction]: rules = [] } = spec as { podSelector: Selector } & Record<
        string,
        Rule[]
      >;
      return (
        matches(podSelector, own) &&
        (rules as Rule[]).some(
          (rule) =>
            rule.ports.some((each) => each.port === port) &&
            (rule.from ?? rule.to ?? []).some(
              (peer) => peer.podSelector && !peer.namespaceSelector && matches(peer.podSelector, other),
            ),
        )
      );
    });
  return lets('egress', from, to) && lets('ingress', to, from);
}

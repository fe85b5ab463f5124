/** Metrics as a Prometheus server reads them. */
export type Scraped = {
  text: string;
  /** The sum of all series of this name that have these labels; 0 when there is none. */
  sum(name: string, labels?: Record<string, string>): number;
  has(name: string): boolean;
  /** Every value that a label has anywhere. */
  labelValues(): string[];
};

export async function scrape(port: number): Promise<Scraped> {
  const reply = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (reply.status !== 200) throw new Error(`no metrics: ${reply.status}`);
  const text = await reply.text();
  const series = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labelText = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const labels = [...labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
        ([, label = '', of = '']) => [label, of] as const,
      );
      return { name, labels: Object.fromEntries(labels), value: Number(value) };
    });
  return {
    text,
    sum: (name, labels = {}) =>
      series
        .filter((one) => one.name === name && Object.entries(labels).every(([l, v]) => one.labels[l] === v))
        .reduce((total, { value }) => total + value, 0),
    has: (name) => series.some((one) => one.name === name),
    labelValues: () => series.flatMap(({ labels }) => Object.values(labels)),
  };
}

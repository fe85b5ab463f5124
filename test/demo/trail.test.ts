import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { parseTrail } from '../../src/demo/trail.ts';
import { type Harbour, startHarbour } from './harbour.ts';

const report = {
  pods: [
    { name: 'pod-1', state: 'down', port: 4101 },
    { name: 'pod-2', state: 'up', port: 4102 },
    { name: 'pod-3', state: 'starting', port: 4103 },
  ],
  kills: [{ at: '2026-01-01T10:00:02.000Z', pod: 'pod-1', how: 'SIGKILL' }],
  entries: [
    { at: '2026-01-01T10:00:01.000Z', method: 'GET', path: '/auth?code=secret', pod: 'pod-1', status: 303 },
    {
      at: '2026-01-01T10:00:03.000Z',
      method: 'POST',
      path: '/<script>',
      pod: 'pod-2',
      status: 303,
      retriedFrom: 'pod-1',
    },
  ],
};

describe('the trail through the pods', () => {
  let proxy: Server;
  let harbour: Harbour;
  let answer: string;

  before(async () => {
    proxy = createServer((_request, response) => response.end(answer));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    harbour = await startHarbour({
      trailUrl: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/trail`,
    });
  });

  after(async () => {
    await harbour.stop();
    proxy.closeAllConnections();
    proxy.close();
  });

  it('shows each pod with its state in words, and requests and kills, the newest first', async () => {
    answer = JSON.stringify(report);
    for (const address of ['/', '/trail']) {
      const { html, status } = await harbour.browser.get(address);
      expect(status).to.equal(200);
      expect(html).to.match(/pod-1[\s\S]*down[\s\S]*4101[\s\S]*pod-2[\s\S]*up[\s\S]*pod-3[\s\S]*starting/);
      expect(html).to.match(
        /10:00:03[\s\S]*sent again after pod-1[\s\S]*10:00:02[\s\S]*Killed[\s\S]*10:00:01/,
      );
      expect(html).to.include('/&lt;script&gt;').and.not.include('/<script>');
      expect(html).not.to.include('secret');
    }
  });

  it('leaves the page in peace when the report is missing or nonsense', async () => {
    for (const nonsense of ['', 'no json', 'null', '[]', '{"pods":7,"kills":[{}],"entries":[{"at":"x"}]}']) {
      answer = nonsense;
      const { html, status } = await harbour.browser.get('/');
      expect(status).to.equal(200);
      expect(html).to.include('Sign in with Holdfast');
    }
    answer = 'no json';
    expect((await harbour.browser.get('/')).html).to.include('does not report just now');
  });

  it('shows no panel where nothing reports', async () => {
    const plain = await startHarbour();
    try {
      expect((await plain.browser.get('/')).html).not.to.include('data-source');
      expect((await plain.browser.get('/trail')).status).to.equal(404);
    } finally {
      await plain.stop();
    }
  });

  it('keeps a report short', () => {
    const entries = Array.from({ length: 500 }, () => report.entries[0]);
    expect(parseTrail({ ...report, entries })?.events).to.have.length(40);
  });
});

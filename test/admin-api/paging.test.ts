import { expect } from 'chai';
import { type AdminProvider, startAdminProvider } from './admin-provider.ts';

describe('lists of what administrators define', () => {
  let provider: AdminProvider;
  let token: string;
  before(async () => {
    provider = await startAdminProvider();
    token = await provider.personToken(await provider.addPerson('olga', ['owner']));
  });
  after(() => provider?.stop());

  type Page = { items: Record<string, unknown>[]; next_cursor: string | null };

  const lists: [path: string, idName: string, idOf: (n: number) => string][] = [
    ['/roles', 'id', (n) => `role-${n}`],
    ['/groups', 'id', (n) => `group-${n}`],
    ['/resources', 'indicator', (n) => `https://api-${n}.example`],
  ];
  for (const [path, idName, idOf] of lists) {
    it(`come page by page, each once, at ${path}`, async () => {
      const { api } = provider;
      const ids = Array.from({ length: 7 }, (_, n) => idOf(n));
      for (const id of ids) await api(token, 'POST', path, { body: { [idName]: id } });
      const seen: unknown[] = [];
      let cursor: string | null = null;
      let pages = 0;
      do {
        const query = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const reply = await api(token, 'GET', `${path}?limit=3${query}`);
        expect(reply.status).to.equal(200);
        const { items, next_cursor } = reply.json as Page;
        expect(items.length).to.be.within(1, 3);
        // One that goes meanwhile does not end the list, nor does it begin again.
        if (pages === 0) {
          const gone = encodeURIComponent(String(items.at(-1)?.[idName]));
          await api(token, 'DELETE', `${path}/${gone}`, { headers: { 'if-match': '*' } });
        }
        seen.push(...items.map((one) => one[idName]));
        cursor = next_cursor;
        pages += 1;
      } while (cursor !== null);
      expect(pages).to.be.greaterThan(2);
      expect(seen).to.include.members(ids);
      expect(new Set(seen).size).to.equal(seen.length);
      expect((await api(token, 'GET', `${path}?cursor=made-up`)).status).to.equal(400);
      expect((await api(token, 'GET', `${path}?limit=201`)).status).to.equal(400);
    });
  }
});

import { expect } from 'chai';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';

describe('long lists in the console', () => {
  let provider: ConsoleProvider;
  let owner: Administrator;

  before(async () => {
    provider = await startConsole(1);
    owner = await provider.addPerson('odile', { roles: ['owner'] });
  });
  after(() => provider?.stop());

  it('of groups, roles and APIs come page by page, each once', async () => {
    const { access, resources } = provider.parts;
    const name = 'One of many';
    for (let n = 0; n < 60; n++) {
      await access.groups.create(`group-${n}`, { name, description: '', roles: [], claims: {} });
      await access.roles.create(`role-${n}`, { name, description: '', permissions: [], claims: {} });
      await resources.create(`https://api-${n}.example`, {
        ...{ name, scopes: [], accessTokenSeconds: undefined },
        ...{ signingAlgorithm: 'ES256', format: 'jwt', hasRoles: false },
      });
    }
    for (const list of ['groups', 'roles', 'resources']) {
      const seen: string[] = [];
      let path: string | undefined = `/admin/${list}`;
      let pages = 0;
      while (path !== undefined) {
        const { body } = await owner.open(path);
        const rows = [...body.matchAll(/class="admin-row-link" href="([^"]+)"/g)].map(
          ([, href]) => href ?? '',
        );
        expect(rows.length).to.be.within(1, 50);
        expect(/admin-pager[\s\S]*href="\/admin\/\w+"/.test(body)).to.equal(pages > 0);
        seen.push(...rows);
        path = /href="([^"]+)" rel="next"/.exec(body)?.[1]?.replaceAll('&amp;', '&');
        pages += 1;
      }
      expect(pages, list).to.equal(2);
      expect(new Set(seen).size).to.equal(seen.length);
      expect(seen.length).to.be.at.least(60);
    }
  });
});

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Assets, loadAssets } from '../../src/http/assets.ts';

const directory = new URL('../../views/assets', import.meta.url).pathname;

describe('the assets', () => {
  let assets: Assets;
  before(() => {
    assets = loadAssets(directory);
  });

  it('have a path that changes with their content, and may be kept for ever under it', () => {
    for (const name of readdirSync(directory)) {
      const body = readFileSync(join(directory, name));
      const url = assets.url(name);
      const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
      expect(url).to.equal(`/assets/${name.replace('.', `.${hash}.`)}`);
      const file = assets.find(url);
      expect(file?.body.equals(body), name).to.equal(true);
      expect(file?.etag).to.equal(`"${hash}"`);
      expect(file?.cacheControl).to.equal('public, max-age=31536000, immutable');
    }
  });

  it('have their media type', () => {
    expect(assets.find(assets.url('holdfast.css'))?.type).to.equal('text/css; charset=utf-8');
    expect(assets.find(assets.url('forms.js'))?.type).to.equal('text/javascript; charset=utf-8');
    expect(assets.find(assets.url('mark.svg'))?.type).to.equal('image/svg+xml; charset=utf-8');
  });

  it('answer the path of another version with their own content, which is not kept', () => {
    for (const path of ['/assets/holdfast.0123456789abcdef.css', '/assets/holdfast.css']) {
      const file = assets.find(path);
      expect(file?.body.equals(readFileSync(join(directory, 'holdfast.css'))), path).to.equal(true);
      expect(file?.cacheControl).to.equal('no-cache');
    }
  });

  it('are all that can be found', () => {
    const paths = [
      '',
      '/assets/',
      '/assets/other.css',
      '/assets/../layout.ejs',
      '/assets/%2e%2e/layout.ejs',
      '/assets/holdfast.short.css',
      '/assets/holdfast.css/',
      '/assets/holdfast.css\n',
      '/assets//etc/passwd',
      '/assets/__proto__.css',
      'holdfast.css',
    ];
    for (const path of paths) expect(assets.find(path), path).to.equal(undefined);
  });

  it('throw for a name that a template got wrong', () => {
    expect(() => assets.url('holdfast.scss')).to.throw('there is no views/assets/holdfast.scss');
  });

  it('refuse to start with a file of an unknown kind', async () => {
    const strange = await mkdtemp(join(tmpdir(), 'holdfast-assets-'));
    try {
      await writeFile(join(strange, 'notes.txt~'), 'left by an editor');
      expect(() => loadAssets(strange)).to.throw('notes.txt~');
    } finally {
      await rm(strange, { recursive: true });
    }
  });
});

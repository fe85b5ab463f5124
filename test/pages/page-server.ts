/** Owns a tiny server that shows the sample pages as the real one would: same assets, same policy. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadAssets } from '../../src/http/assets.ts';
import { createRenderer, type Renderer } from '../../src/http/render.ts';
import { type Locale, locales } from '../../src/locale.ts';
import { type Sample, samples } from './sample-pages.ts';

const views = new URL('../../views', import.meta.url).pathname;

export const contentSecurityPolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "script-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A text that does harm wherever it is printed without being escaped. */
export const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(2)>`;

export type PageServer = {
  /** The address of a sample page. */
  url(name: string, locale?: string): string;
  /** The bodies that were posted to /arrived, in order. */
  posted: string[];
  close(): Promise<void>;
};

/** The language in which a page takes the most letters, and so the most room. */
function longestLocale(page: Sample, renderer: Renderer): Locale {
  const length = (locale: Locale) => page.html(renderer, locale).length;
  return locales.reduce((longest, locale) => (length(locale) > length(longest) ? locale : longest));
}

/**
 * Serves `/<locale>/<sample>`, the same as `/longest/<sample>` in the language that takes the most room, and as
 * `/hostile/<sample>` with {@link hostile} added to every value.
 */
export async function startPageServer(): Promise<PageServer> {
  const assets = loadAssets(`${views}/assets`);
  const renderer = createRenderer({ viewsDirectory: views, assets });
  const pages = new Map<string, string>();
  for (const page of samples) {
    for (const locale of locales) pages.set(`/${locale}/${page.name}`, page.html(renderer, locale));
    pages.set(`/longest/${page.name}`, page.html(renderer, longestLocale(page, renderer)));
    pages.set(
      `/hostile/${page.name}`,
      page.html(renderer, 'en', (text) => text + hostile),
    );
  }

  const posted: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const file = assets.find(path);
    if (file !== undefined) {
      response
        .writeHead(200, { 'content-type': file.type, 'cache-control': file.cacheControl })
        .end(file.body);
      return;
    }
    const page = pages.get(path);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', contentSecurityPolicy);
    if (request.method === 'POST') {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        posted.push(Buffer.concat(chunks).toString());
        response.end(
          `<!doctype html><link rel="icon" href="${assets.url('mark.svg')}"><title>Arrived</title><h1>Arrived</h1>`,
        );
      });
      return;
    }
    response.statusCode = page === undefined ? 404 : 200;
    response.end(page ?? 'no such page');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    posted,
    url: (name, locale = 'en') => `http://127.0.0.1:${port}/${locale}/${name}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

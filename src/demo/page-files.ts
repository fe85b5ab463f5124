/** Owns the files of the demo's pages (views/demo): templates and assets, read once at start. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ejs from 'ejs';
import type { Middleware } from 'koa';

const directory = join(import.meta.dirname, '../../views/demo');

const assetTypes: Record<string, string> = {
  'demo.css': 'text/css; charset=utf-8',
  'demo.js': 'text/javascript; charset=utf-8',
  'mark.svg': 'image/svg+xml; charset=utf-8',
};

/** Serves `/assets/<file>`. Any instance may be asked for the file of another version, so browsers check each time. */
export function serveAssets(): Middleware {
  const assets = new Map(
    Object.entries(assetTypes).map(([name, type]) => {
      const body = readFileSync(join(directory, 'assets', name));
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      return [`/assets/${name}`, { body, type, etag }];
    }),
  );

  return async (ctx, next) => {
    const asset = ctx.method === 'GET' || ctx.method === 'HEAD' ? assets.get(ctx.path) : undefined;
    if (asset === undefined) return next();
    ctx.set({ 'Cache-Control': 'no-cache', ETag: asset.etag });
    ctx.status = 200;
    if (ctx.fresh) {
      ctx.status = 304;
      return;
    }
    ctx.type = asset.type;
    ctx.body = asset.body;
  };
}

/** A template reads its data from `it`; everything in `<%= %>` is escaped. */
export function loadTemplate<Data extends object>(name: string): (data: Data) => string {
  const filename = join(directory, `${name}.ejs`);
  const template = ejs.compile(readFileSync(filename, 'utf8'), {
    cache: true,
    filename,
    localsName: 'it',
    strict: true,
  });
  return (data) => template(data);
}

/**
 * Owns the static files of the pages (views/assets): read once at start, served from memory.
 * Does not own routes or security headers.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

export type Asset = { body: Buffer; type: string; etag: string; cacheControl: string };

export type Assets = {
  /** The public path of a file, which changes with its content: `/assets/holdfast.<hash>.css`. Throws for an unknown name. */
  url(name: string): string;
  /** The file behind a request path, or undefined. `etag` has its quotes. */
  find(path: string): Asset | undefined;
};

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
};

const forever = 'public, max-age=31536000, immutable';
const checkEachTime = 'no-cache';

/** Reads every file of the directory (no subdirectories). Throws when one has a kind that is not listed here. */
export function loadAssets(directory: string): Assets {
  const urls = new Map<string, string>();
  const files = new Map<string, Asset>();

  for (const name of readdirSync(directory)) {
    const extension = extname(name);
    const type = types[extension];
    if (type === undefined) throw new Error(`views/assets/${name}: no media type is known for this file`);
    const body = readFileSync(join(directory, name));
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const url = `/assets/${name.slice(0, -extension.length)}.${hash}${extension}`;
    urls.set(name, url);
    files.set(name, { body, type, etag: `"${hash}"`, cacheControl: checkEachTime });
  }

  return {
    url(name) {
      const url = urls.get(name);
      if (url === undefined) throw new Error(`there is no views/assets/${name}`);
      return url;
    },
    find(path) {
      // While two versions run side by side, a page of one pod asks another pod for its files. A name with a
      // foreign hash therefore gets this pod's file, but nobody may keep it under that name.
      const [, stem, , extension] = /^\/assets\/([\w-]+)(\.[0-9a-f]{16})?(\.\w+)$/.exec(path) ?? [];
      const name = `${stem}${extension}`;
      const file = files.get(name);
      if (file === undefined) return undefined;
      return urls.get(name) === path ? { ...file, cacheControl: forever } : file;
    },
  };
}

import type { Context } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { originsAfterLogout } from './engine-pages.ts';
import type { EnginePages } from './pages.ts';

/**
 * Where the engine goes on by POST (response_mode=form_post, and between its own endpoints), it answers with
 * a page that submits itself by an inline script. Ours takes its place: same form, no inline code, in the
 * person's language.
 */
export function replaceFormPost(ctx: Context, pages: EnginePages): void {
  if (typeof ctx.body !== 'string' || !ctx.body.includes('<title>Submitting Callback</title>')) return;
  const action = /<form method="post" action="([^"]*)">/.exec(ctx.body)?.[1];
  if (action === undefined) throw new Error('the engine has changed its form_post page');
  const fields: Record<string, string> = {};
  for (const [, name, value] of ctx.body.matchAll(
    /<input type="hidden" name="([^"]*)" value="([^"]*)"\/>/g,
  )) {
    if (name !== undefined && value !== undefined) fields[name] = unescapeHtml(value);
  }
  const message = 'logout' in fields && 'xsrf' in fields ? 'logout' : 'form-post';
  pages.continue(ctx, {
    action: unescapeHtml(action),
    fields,
    message,
    goesOnTo: originsAfterLogout(ctx as unknown as KoaContextWithOIDC),
  });
}

const characters: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

function unescapeHtml(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => characters[entity] ?? entity);
}

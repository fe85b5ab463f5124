import type { Browser, Page } from 'playwright-core';
import type { Administrator, ConsoleProvider } from './console-fixture.ts';

/** The console in a real browser, with or without its scripts, for somebody who is signed in. */
export type ConsoleBrowser = {
  page: Page;
  /** What scripts complained of, and questions that nobody should have been asked. */
  complaints: string[];
  to(path: string): Promise<void>;
  press(name: string | RegExp): Promise<void>;
  follow(name: string | RegExp): Promise<void>;
  /** Follows a link to a question, types what it wants typed, and says yes. @returns what the next page says */
  agree(link: string | RegExp, typed?: string): Promise<string>;
  /** What the page says that was done. */
  told(): Promise<string>;
  text(selector: string): Promise<string>;
  close(): Promise<void>;
};

export async function openConsole(
  browser: Browser,
  provider: ConsoleProvider,
  person: Administrator,
  options: { hasScripts: boolean },
): Promise<ConsoleBrowser> {
  await person.open('/admin');
  const context = await browser.newContext({
    javaScriptEnabled: options.hasScripts,
    viewport: { width: 1280, height: 900 },
    locale: 'en',
  });
  await context.addCookies(
    [...person.person.cookies].map(([name, { value, path }]) => ({ name, value, path, domain: 'localhost' })),
  );
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on('dialog', (dialog) => {
    complaints.push(`asked: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('weberror', (error) => complaints.push(error.error().message));

  const text = async (selector: string) => ((await page.textContent(selector)) ?? '').trim();
  const told = () => text('[data-done]');

  return {
    page,
    complaints,
    async to(path) {
      const answer = await page.goto(`${provider.issuer}${path}`);
      const status = answer?.status() ?? 0;
      if (status >= 500) throw new Error(`${path} answered ${status}`);
    },
    press: (name) => page.getByRole('button', { name }).first().click(),
    follow: (name) => page.getByRole('main').getByRole('link', { name }).first().click(),
    async agree(link, typed) {
      await page.getByRole('main').getByRole('link', { name: link }).first().click();
      const question = page.locator('form[data-question]');
      await question.waitFor();
      if (typed !== undefined) await question.locator('#typed').fill(typed);
      await question.locator('button').click();
      return told();
    },
    told,
    text,
    close: () => context.close(),
  };
}

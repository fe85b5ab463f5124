/** Starts what the tests of the relying party need, and stops all of it again. */
import { startProtectedApi } from '../../src/demo/protected-api.ts';
import { type RelyingPartyOptions, startRelyingParty } from '../../src/demo/relying-party.ts';
import { SmallBrowser } from './small-browser.ts';
import { audience, client, SmallIssuer } from './small-issuer.ts';

export const secrets = [Buffer.alloc(32, 1).toString('base64url'), Buffer.alloc(32, 2).toString('base64url')];

/** A public address that no test asks for: the browser of the tests sends its requests to an instance. */
export const publicUrl = 'http://notes.example';

export type Harbour = {
  issuer: SmallIssuer;
  api: { url: string; close(): Promise<void> };
  /** Two instances with the same secrets. */
  one: string;
  two: string;
  browser: SmallBrowser;
  /** Lines that the instances logged. */
  log: string[];
  stop(): Promise<void>;
};

export async function startHarbour(options: Partial<RelyingPartyOptions> = {}): Promise<Harbour> {
  const issuer = new SmallIssuer();
  await issuer.start();
  const api = await startProtectedApi({ issuer: issuer.url, audience, port: 0 });
  const log: string[] = [];
  const start = () =>
    startRelyingParty({
      issuer: issuer.url,
      clientId: client.id,
      clientSecret: client.secret,
      port: 0,
      publicUrl,
      apiUrl: api.url,
      apiAudience: audience,
      cookieSecrets: secrets,
      session: { mode: 'cookie' },
      log: (line) => log.push(line),
      ...options,
    });
  const [one, two] = [await start(), await start()];

  return {
    issuer,
    api,
    one: one.url,
    two: two.url,
    browser: new SmallBrowser(publicUrl, one.url),
    log,
    async stop() {
      await Promise.all([one.close(), two.close(), api.close(), issuer.stop()]);
    },
  };
}

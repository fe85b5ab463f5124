/** What the browser's authenticator answered, as the page's script put it into the form; undefined for no JSON. */
export function readPasskeyResponse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

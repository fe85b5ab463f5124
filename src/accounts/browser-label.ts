/** What a browser calls itself, as a person knows it; undefined where it does not say. */
export type BrowserLabel = { browser: string | undefined; system: string | undefined };

/** The first that fits: most browsers name others too, to be taken for them. */
const browsers: [RegExp, string][] = [
  [/\b(?:Edg|EdgA|EdgiOS|Edge)\//, 'Edge'],
  [/\b(?:OPR|OPT|OPX|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bYaBrowser\//, 'Yandex'],
  [/\bDuckDuckGo\//, 'DuckDuckGo'],
  [/\b(?:Firefox|FxiOS|Focus)\//, 'Firefox'],
  [/\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bVersion\/[\d.]+ .*\bSafari\//, 'Safari'],
];

const systems: [RegExp, string][] = [
  [/\biPhone\b|\biPod\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMacintosh\b|\bMac OS X\b/, 'macOS'],
  [/\bLinux\b|\bX11\b/, 'Linux'],
];

/**
 * Browser family and system from a User-Agent: names of ours alone, never text of the header, which may hold
 * anything. Versions are left out, since browsers no longer tell them truly.
 */
export function labelBrowser(userAgent: string | undefined): BrowserLabel {
  const text = (userAgent ?? '').slice(0, 512);
  const first = (rules: [RegExp, string][]) => rules.find(([pattern]) => pattern.test(text))?.[1];
  return { browser: first(browsers), system: first(systems) };
}

/** The label in one line, such as "Firefox, Linux"; empty where the browser does not say. */
export function nameBrowser(userAgent: string | undefined): string {
  const { browser, system } = labelBrowser(userAgent);
  return [browser, system].filter(Boolean).join(', ');
}

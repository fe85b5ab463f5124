import type { Config } from '../config.ts';
import type { LiveSettings } from './settings.ts';

/**
 * The configuration as the settings have it now. Whoever reads a part of it that can be changed while pods run must
 * read it at each use, and keep no copy.
 */
export function withSettings(config: Config, settings: LiveSettings): Config {
  const lifetimes: Config['lifetimes'] = {
    ...config.lifetimes,
    get sessionIdleSeconds() {
      return settings.current().session_idle_seconds;
    },
    get sessionAbsoluteSeconds() {
      return settings.current().session_absolute_seconds;
    },
    get accessTokenSeconds() {
      return settings.current().access_token_seconds;
    },
    get refreshTokenSeconds() {
      return settings.current().refresh_token_seconds;
    },
  };
  return {
    ...config,
    lifetimes,
    get registration() {
      return settings.current().registration;
    },
    get terms() {
      const { terms_url: url, terms_version: version } = settings.current();
      return url === null || version === null ? undefined : { url, version };
    },
  };
}

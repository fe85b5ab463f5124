import type { Config } from '../config.ts';
import { about, type Finding } from './finding.ts';

const unsafe: [isOn: (config: Config) => boolean, name: string, means: string][] = [
  [({ allowHttp }) => allowHttp, 'ALLOW_HTTP', 'cookies and tokens may travel unprotected'],
  [({ redis }) => redis.allowEviction, 'ALLOW_EVICTION', 'Redis may drop sessions and accounts'],
  [
    ({ redis }) => redis.allowNoAppendOnly,
    'ALLOW_NO_APPENDONLY',
    'a restart of Redis may lose what was acknowledged',
  ],
  [
    ({ allowPrivateAddresses }) => allowPrivateAddresses,
    'ALLOW_PRIVATE_ADDRESSES',
    'a client may make pods fetch from this network',
  ],
  [({ mail }) => mail.allowPlainSmtp, 'ALLOW_PLAIN_SMTP', 'mails may travel unprotected'],
  [
    ({ mail, isLocal }) => mail.areShown && !isLocal,
    'SHOW_MAILS',
    'whoever is on the machine reads the mails of everybody',
  ],
];

export function checkConfig(config: Config): Finding[] {
  const { ok, warning } = about('Configuration');
  const found = unsafe
    .filter(([isOn]) => isOn(config))
    .map(([, name, means]) =>
      warning(`HOLDFAST_UNSAFE_${name} is on: ${means}`, 'fine for a trial; leave it out for anything else'),
    );
  return found.length > 0 ? found : [ok('no fault, and nothing unsafe is allowed')];
}

/** @param faults of a configuration that cannot be read */
export function configFaults(faults: string[]): Finding[] {
  return faults.map((fault) => about('Configuration').fault(fault, 'no pod starts before this is set right'));
}

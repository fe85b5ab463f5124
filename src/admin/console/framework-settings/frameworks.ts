import type { ClientKind } from '../client-kinds.ts';
import { angular } from './angular.ts';
import { appAuthAndroid, appAuthIos } from './appauth.ts';
import { argoCd } from './argo-cd.ts';
import { aspnetCore } from './aspnet-core.ts';
import { authlib } from './authlib.ts';
import { curlDevice } from './device.ts';
import { django } from './django.ts';
import { envoyGateway } from './envoy-gateway.ts';
import { express } from './express.ts';
import { flutter } from './flutter.ts';
import type { Framework } from './framework.ts';
import { generic } from './generic.ts';
import { go } from './go.ts';
import { grafana } from './grafana.ts';
import { laravel } from './laravel.ts';
import { maui } from './maui.ts';
import { next } from './next.ts';
import { ingressNginx, oauth2Proxy, traefik } from './oauth2-proxy.ts';
import { react, vue } from './oidc-client-ts.ts';
import { rails } from './rails.ts';
import { curlService, nodeService, springService } from './service.ts';
import { springBoot } from './spring-boot.ts';

/** In the order in which they are offered. */
export const frameworks: readonly Framework[] = [
  express,
  next,
  springBoot,
  aspnetCore,
  django,
  authlib,
  laravel,
  rails,
  go,
  grafana,
  argoCd,
  react,
  vue,
  angular,
  appAuthAndroid,
  appAuthIos,
  flutter,
  maui,
  curlService,
  nodeService,
  springService,
  curlDevice,
  oauth2Proxy,
  ingressNginx,
  traefik,
  envoyGateway,
  generic,
];

/** Those for a kind of application; a web application may as well stand behind a gateway. */
export function frameworksFor(kind: ClientKind, options = { withGateways: false }): Framework[] {
  return frameworks.filter(
    ({ kinds }) =>
      kinds.includes(kind) || (options.withGateways && kind === 'web' && kinds.includes('gateway')),
  );
}

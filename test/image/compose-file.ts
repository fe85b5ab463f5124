import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { repository } from './dockerfile.ts';

export type Service = {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  mem_limit?: string;
  network_mode?: string;
  stop_grace_period?: string;
};

export type Compose = { services: Record<string, Service>; volumes: Record<string, null> };

export function readCompose(): Compose {
  return parse(readFileSync(`${repository}compose.yaml`, 'utf8'), { merge: true }) as Compose;
}

import type { Actor } from '../access/actor.ts';
import type { Resource, ResourceDraft } from '../oidc/resources.ts';
import type { Outcome, WriteOptions } from './outcome.ts';

export type ManageResources = {
  list(): Promise<Resource[]>;
  find(indicator: string): Promise<Outcome<Resource>>;
  create(
    actor: Actor,
    indicator: string,
    draft: Partial<ResourceDraft>,
    options?: WriteOptions,
  ): Promise<Outcome<Resource>>;
  update(
    actor: Actor,
    indicator: string,
    draft: Partial<ResourceDraft>,
    options?: WriteOptions,
  ): Promise<Outcome<Resource>>;
  remove(actor: Actor, indicator: string, options?: WriteOptions): Promise<Outcome<Resource>>;
};

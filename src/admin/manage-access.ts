import type { Group, GroupDraft, Role, RoleDraft } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import type { Outcome, WriteOptions } from './outcome.ts';

export type Managed<T, D> = {
  list(): Promise<T[]>;
  find(id: string): Promise<Outcome<T>>;
  create(actor: Actor, id: string, draft: Partial<D>, options?: WriteOptions): Promise<Outcome<T>>;
  update(actor: Actor, id: string, draft: Partial<D>, options?: WriteOptions): Promise<Outcome<T>>;
  remove(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<T>>;
};

export type ManageRoles = Managed<Role, RoleDraft>;
export type ManageGroups = Managed<Group, GroupDraft>;

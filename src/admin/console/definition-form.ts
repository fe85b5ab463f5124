import type { ClaimValues, Fault } from '../../access/access.ts';
import { type ClaimRow, claimFields, claimRows, enteredRows } from './claim-rows.ts';
import { manyField, textField } from './console-route.ts';
import type { Visit } from './console-visit.ts';

/**
 * The form of a role or a group, which differ only in what is chosen for them: permissions for the one, roles for the
 * other.
 */
export const definitionFields = {
  name: textField(200),
  description: textField(1000),
  /** What was chosen, and stays: boxes that could not be changed are not sent. */
  kept: manyField,
  ...claimFields,
};

export type DefinitionForm = {
  isNew: boolean;
  id: string;
  name: string;
  description: string;
  version: number;
  chosen: string[];
  claims: ClaimRow[];
};

type Defined = { id: string; name: string; description: string; version: number; claims: ClaimValues };

export function emptyForm(): DefinitionForm {
  return { isNew: true, id: '', name: '', description: '', version: 0, chosen: [], claims: claimRows({}) };
}

export function formOf(
  { id, name, description, version, claims }: Defined,
  chosen: string[],
): DefinitionForm {
  return { isNew: false, id, name, description, version, chosen, claims: claimRows(claims) };
}

/** What was entered, to be shown again. @param of `version` of what is changed; without it something is made */
export function formAgain(
  entered: { name: string; description: string } & Parameters<typeof enteredRows>[0],
  of: { id: string; version?: number | undefined; isNew: boolean },
  chosen: string[],
): DefinitionForm {
  const { name, description } = entered;
  return { ...of, version: of.version ?? 0, name, description, chosen, claims: enteredRows(entered) };
}

export function wrongClaims({ t }: Visit, faults: Fault[]) {
  return { problem: t('admin.claims.problem'), faults, status: 422 };
}

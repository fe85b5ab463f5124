import type { Fault, GroupDraft, RoleDraft } from './access.ts';
import { claimNameFault } from './claim-names.ts';
import { isPermission } from './permissions.ts';

/** What does not fit in the definition of a role or group, for whoever wrote it. */

const longestName = 100;
const longestDescription = 500;
const mostClaims = 20;
const longestValue = 1000;
const mostValues = 100;
const mostRolesOfGroup = 100;
/** In bytes, of a definition as it is kept. */
const largest = 8192;

const idPattern = /^[a-z0-9][a-z0-9_.:-]{0,63}$/;

/** Controls (line breaks among them), lone surrogates, and signs that turn the direction of what follows. */
const unfit = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

export function isFitId(id: string): boolean {
  return idPattern.test(id);
}

export function idFaults(id: string): Fault[] {
  if (isFitId(id)) return [];
  const message =
    'Use 1 to 64 lower-case letters, digits and - _ . : only, and begin with a letter or a digit.';
  return [{ path: 'id', message }];
}

/** Of a name, which there must be. */
export function nameFaults(path: string, text: unknown): Fault[] {
  if (typeof text !== 'string' || text.trim() === '') return [{ path, message: 'Please give it a name.' }];
  return textFaults(path, text, longestName);
}

/** Of a text that may be empty. */
export function textFaults(path: string, text: unknown, longest = longestDescription): Fault[] {
  if (typeof text !== 'string') return [{ path, message: 'This must be a text.' }];
  if ([...text].length > longest) return [{ path, message: `At most ${longest} characters, please.` }];
  return unfit.test(text)
    ? [{ path, message: 'One line of plain text, please: it has signs that cannot be shown.' }]
    : [];
}

export function roleFaults({ name, description, permissions, claims }: RoleDraft): Fault[] {
  const unknown = permissions.filter((one) => !isPermission(one));
  return [
    ...nameFaults('name', name),
    ...textFaults('description', description),
    ...unknown.map((one) => ({ path: 'permissions', message: `There is no permission ${quote(one)}.` })),
    ...claimFaults(claims),
    ...sizeFaults({ name, description, permissions, claims }),
  ];
}

export function groupFaults({ name, description, roles, claims }: GroupDraft): Fault[] {
  const tooMany =
    roles.length > mostRolesOfGroup
      ? [{ path: 'roles', message: `A group can have ${mostRolesOfGroup} roles at most.` }]
      : [];
  return [
    ...nameFaults('name', name),
    ...textFaults('description', description),
    ...tooMany,
    ...roles.filter((id) => !isFitId(id)).map(missingRole),
    ...claimFaults(claims),
    ...sizeFaults({ name, description, roles, claims }),
  ];
}

/** Of a definition as a whole: named at the field that takes the most. */
export function sizeFaults(draft: Record<string, unknown>): Fault[] {
  const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? '');
  const size = sizeOf(draft);
  if (size <= largest) return [];
  const [path = ''] =
    Object.entries(draft)
      .sort(([, one], [, other]) => sizeOf(other) - sizeOf(one))
      .at(0) ?? [];
  const message = `This is too much: with everything else it takes ${size} bytes, and ${largest} are the most.`;
  return [{ path, message }];
}

export function missingRole(id: string): Fault {
  return { path: 'roles', message: `There is no role ${quote(id)}.` };
}

function claimFaults(claims: Record<string, unknown>): Fault[] {
  const entries = Object.entries(claims);
  if (entries.length > mostClaims) {
    return [{ path: 'claims', message: `At most ${mostClaims} claims, please.` }];
  }
  return entries.flatMap(([name, value]) => {
    const message = claimNameFault(name) ?? valueFault(value);
    return message === undefined ? [] : [{ path: `claims.${name.slice(0, 120)}`, message }];
  });
}

function valueFault(value: unknown): string | undefined {
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number') {
    return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER
      ? undefined
      : 'This number is too large.';
  }
  if (typeof value === 'string') return textFaults('', value, longestValue)[0]?.message;
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
    return 'A value is a text, a number, true or false, or a list of texts.';
  }
  if (value.length > mostValues) return `At most ${mostValues} values, please.`;
  return value.flatMap((one) => textFaults('', one, longestValue))[0]?.message;
}

/** A name that did not fit, short enough to be shown. */
function quote(text: unknown): string {
  const shown = String(text).replace(new RegExp(unfit, 'gu'), ' ');
  return `“${shown.length > 64 ? `${shown.slice(0, 64)}…` : shown}”`;
}

/**
 * Which form the data in Redis has, and whether this code may read it. The hash `{schema}` is written once, by the first
 * pod on an empty Redis; data from before it has form 1.
 *
 *   form    the form of the data
 *   reader  the least form that code must know to read it
 *   restore, begun, step, chunk   while a backup is put in; see backup/claim.ts. No pod starts meanwhile
 *
 * Two versions of Holdfast run side by side while one follows the other, and the older one may have to come back. So
 * a change of form takes two releases:
 *
 *   release N      knows the new form and reads both, but writes the old one. `known` goes up; `written` and the marker
 *                  stay. While it is rolled out, pods of N-1 read all that there is.
 *   release N+1    writes the new form. `written` goes up, and when no pod of N-1 is alive any more (redis/pods.ts) the
 *                  marker: `form` to the new one, `reader` only where older code would misread it, and then to the
 *                  number that N knows. N can still come back; N-1 is refused, here.
 *
 * What only adds (a field, a key that older code passes over) is no change of form.
 */
import type { Store } from './redis.ts';

/** `known`: the latest form that this code reads. `written`, `reader`: what it marks an empty Redis with. */
export const dataForm = { known: 1, written: 1, reader: 1 };

/** The form of data that was written before there was a marker. */
const unmarked = { form: 1, reader: 1 };

export type Schema = {
  form: number;
  reader: number;
  restore: string | undefined;
  begunAt: number | undefined;
};

/** As it is; undefined where there is no marker. @throws Unavailable */
export async function readSchema(store: Store): Promise<Schema | undefined> {
  const fields = await store.read(store.keys.schema());
  return fields && toSchema(fields);
}

/**
 * Reads the marker, and writes it where there is none.
 * @param options.expectsData an empty Redis is then a loss, and not a beginning
 * @param options.mayBeRestoring for who restores
 * @returns what keeps this code from starting, for people
 * @throws Unavailable
 */
export async function openSchema(
  store: Store,
  options: { expectsData: boolean; mayBeRestoring?: boolean },
): Promise<{ ok: true; schema: Schema } | { ok: false; fault: string }> {
  const key = store.keys.schema();
  let schema = await readSchema(store);
  if (!schema) {
    const hasData = (await store.call('EXISTS', store.keys.keyRing())) === 1;
    if (!hasData && options.expectsData) return { ok: false, fault: lost };
    const { form, reader } = hasData ? unmarked : { form: dataForm.written, reader: dataForm.reader };
    const flat = (await store.run('schema-open', [key], [form, reader])) as string[];
    await store.settle(key);
    schema = toSchema(Object.fromEntries(pairs(flat)));
  }
  if (schema.restore !== undefined && !options.mayBeRestoring) {
    return { ok: false, fault: restoring(schema) };
  }
  const fault = schema.restore === undefined ? faultOf(schema) : undefined;
  return fault === undefined ? { ok: true, schema } : { ok: false, fault };
}

/** Why this code may not read data of a form; undefined when it may. */
export function faultOf({ form, reader }: Pick<Schema, 'form' | 'reader'>, known = dataForm.known) {
  if (reader <= known) return undefined;
  return `the data has form ${form}, which takes a version of Holdfast that knows form ${reader}; this one knows ${known}. Start the version that ran here last, or a later one`;
}

const lost =
  'this Redis is empty, and HOLDFAST_EXPECT_DATA says that it must not be: its data may be lost, or REDIS_URL or HOLDFAST_REDIS_PREFIX leads elsewhere. Bring the data back, by "holdfast restore" if need be. Only for a provider that begins anew, leave HOLDFAST_EXPECT_DATA out';

function restoring({ begunAt }: Schema): string {
  const since = begunAt === undefined ? '' : `, since ${new Date(begunAt).toISOString()}`;
  return `a backup is being put into this Redis${since}. Start again when "holdfast restore" has finished; if it was interrupted, run it again with --resume`;
}

function toSchema(fields: Record<string, string>): Schema {
  const number = (text: string | undefined, or: number) => (text === undefined ? or : Number(text));
  return {
    form: number(fields.form, unmarked.form),
    reader: number(fields.reader, unmarked.reader),
    restore: fields.restore,
    begunAt: fields.begun === undefined ? undefined : Number(fields.begun),
  };
}

function pairs(flat: string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[i * 2] ?? '', flat[i * 2 + 1] ?? '']);
}

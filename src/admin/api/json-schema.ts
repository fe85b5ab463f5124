import { z } from 'zod';

/** JSON Schemas (draft 2020-12, which is that of OpenAPI 3.1) of what routes take and give. */
export type JsonSchema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  default?: unknown;
  minimum?: number;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  additionalProperties?: boolean | JsonSchema;
  [more: string]: unknown;
};

const place = '#/components/schemas/';

/**
 * @param io which side of defaults and conversions is meant: what is sent, or what is made of it
 * @param named where schemas with a name of their own are put, by that name
 */
export function toJsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  named: Map<string, JsonSchema>,
): JsonSchema {
  const whole = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: tidy }) as JsonSchema;
  const { $schema: _dialect, $defs = {}, ...rest } = whole;
  for (const [name, one] of Object.entries($defs as Record<string, JsonSchema>)) {
    const { id: _id, ...definition } = one;
    named.set(name, relocate(definition));
  }
  const { id, ...own } = relocate(rest);
  if (typeof id !== 'string') return own;
  named.set(id, own);
  return { $ref: `${place}${id}` };
}

/** The pattern that checks a time is longer than what it says. */
function tidy({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}

function relocate(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', `"${place}`)) as JsonSchema;
}

/** A value that fits, for an example. */
export function sampleOf(schema: JsonSchema, named: Map<string, JsonSchema>): unknown {
  if (schema.$ref) return sampleOf(named.get(schema.$ref.slice(place.length)) ?? {}, named);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.default !== undefined) return schema.default;
  const [choice] = schema.oneOf ?? schema.anyOf ?? [];
  if (choice) return sampleOf(choice, named);
  const type = [schema.type].flat()[0];
  if (type === 'object') {
    const required = schema.required ?? [];
    const shown = Object.entries(schema.properties ?? {}).filter(([name]) => required.includes(name));
    return Object.fromEntries(shown.map(([name, one]) => [name, sampleOf(one, named)]));
  }
  if (type === 'array') return schema.items ? [sampleOf(schema.items, named)] : [];
  if (type === 'integer' || type === 'number') return Math.max(schema.minimum ?? 1, 1);
  if (type === 'boolean') return true;
  if (type === 'null') return null;
  return schema.format === 'date-time' ? '2026-03-01T09:30:00.000Z' : 'text';
}

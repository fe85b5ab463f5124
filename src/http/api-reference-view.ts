/** What the reference page of the admin API shows; part of `Views` in views.ts. Texts may hold `code` in back quotes. */
export type ReferencePage = {
  title: string;
  version: string;
  base: string;
  introduction: string[];
  tags: { name: string; anchor: string; operations: ReferenceOperation[] }[];
  schemas: { name: string; description: string; fields: ReferenceField[] }[];
  problems: { kind: string; status: number; title: string; meaning: string }[];
};

export type ReferenceOperation = {
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string[];
  permission: string | null;
  parameters: ReferenceField[];
  body: ReferenceField[];
  statuses: string[];
  curl: string;
  example: string;
};

export type ReferenceField = {
  name: string;
  type: string;
  isRequired: boolean;
  description: string;
  schema?: string;
};

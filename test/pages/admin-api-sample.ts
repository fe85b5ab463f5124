/** The reference page of the admin API, cut down to one kind of thing. */
import type { Admin } from '../../src/admin/admin.ts';
import { adminApiRoutes } from '../../src/admin/api/api.ts';
import { openApiOf } from '../../src/admin/api/openapi.ts';
import { referenceOf } from '../../src/admin/api/reference.ts';
import type { Views } from '../../src/http/views.ts';

export function apiReference(): Views['admin-api-reference'] {
  const whole = referenceOf(
    openApiOf(adminApiRoutes({} as Admin), { issuer: 'https://id.example.com', version: '1.2.3' }),
  );
  return { ...whole, tags: whole.tags.slice(0, 2), schemas: whole.schemas.slice(0, 3) };
}

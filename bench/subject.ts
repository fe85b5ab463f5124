/** What both servers have in common: who signs in, and the clients. */
export const issuer = 'http://id.bench';
export const host = 'id.bench';
/** So many more accounts there are, to see what each one that is signed in takes. */
export const morePeople = 50;
export const emailOf = (person: number) => `person-${person}@example.com`;

export const account = { email: 'ada@example.com', password: 'correct horse battery staple' };
export const resource = 'http://api.bench';

export type BenchClient = { id: string; secret: string; redirectUri: string };
export const ours: BenchClient = { id: 'ours', secret: 'ours-secret', redirectUri: 'http://ours.bench/cb' };
export const other: BenchClient = {
  id: 'other',
  secret: 'other-secret',
  redirectUri: 'http://other.bench/cb',
};
export const service: BenchClient = { id: 'service', secret: 'service-secret', redirectUri: '' };

/** More clients than the engine keeps in memory by itself. */
export const bystanders = 150;

export function metadataOf({
  id,
  redirectUri,
}: BenchClient): Record<string, unknown> & { client_id: string } {
  const web = {
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    first_party: id === ours.id,
    resources: [resource],
  };
  const machine = {
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
    resources: [resource],
  };
  return { client_id: id, client_name: id, ...(id === service.id ? machine : web) };
}

export function allClients(): BenchClient[] {
  const more = Array.from({ length: bystanders }, (_, i) => ({
    id: `bystander-${i}`,
    secret: `bystander-secret-${i}`,
    redirectUri: 'http://bystander.bench/cb',
  }));
  return [ours, other, service, ...more];
}

/** What a server process is asked for over IPC, and answers with. */
export type Question = 'counters';
export type Counters = {
  /** CPU time of the process so far, µs. */
  cpu: number;
  /** Writes to the Redis connection so far. */
  roundTrips: number;
};

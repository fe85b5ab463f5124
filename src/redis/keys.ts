/**
 * Every key name in Redis. The part in braces is the Cluster hash tag: all keys of one aggregate share a
 * slot, so that one script changes the aggregate atomically on a single primary and on a Cluster alike.
 *
 *   {g:<tag>}      a grant          hash: p (payload) and e (epoch), or dead (a tombstone)
 *   {g:<tag>}:<h>  a code, token or device code of that grant, hash: p, consumed
 *   {g:<tag>}:<h>:again   the sealed answer to the request that spent it
 *   {s:<uid>}      a session        hash: one field per part, see oidc/session-store.ts
 *   {i:<h>}        an interaction   hash: p, finished
 *   {p:<h>}        a pushed authorization request, hash: p, consumed
 *   {j:<h>}        the id of a proof or assertion that was seen
 *   {u:<h>}        a device user code → the id of its device code, sealed
 *   {c:<id>}       a client         hash
 *   {a:<id>}       an account       hash
 *   {a:<id>}:factors   its second factors and passkeys: hash, one field for each, see accounts/factor-store.ts
 *   {a:<id>}:once:<h>  a step or code of a factor that was used
 *   {a:<id>}:browsers  browsers that it trusts: hash
 *   {a:<id>}:signed-in  its sessions, and grants that outlive theirs: sorted set of s<uid> and g<tag> by the
 *                time of their end
 *   {a:<id>}:upstreams its accounts at other providers: hash, one field for each, see upstream/link-store.ts
 *   {a:<id>}:activity  what happened to it lately: hash, see accounts/activity.ts
 *   {e:<h>}        an e-mail address → account id
 *   {l:<h>}        a link that was mailed, hash; see accounts/one-time-link.ts
 *   {o:<h>}        an account at another provider → account id
 *   {w:<h>}        a sign-in at another provider that is under way, hash
 *   {limits}:<h>   failures counted by the sign-in limits; all in one slot, so that one script sees them all
 *   {mail}, {mail}:<id>   the outbox: sorted set of ids by the time of the next try, and a hash for each mail
 *   {mail}:given-up  mails that could not be sent: sorted set of ids by the time
 *   {mail}:shown   mails of local mode, sealed: sorted set by the time
 *   {k}            the key ring     hash; with the lives of its keys, see oidc/key-record.ts
 *   {schema}       which form the data has, and whether a backup is being put in: hash, see redis/schema.ts
 *   {pods}         pods that are alive: hash, see redis/pods.ts
 *   {declared}     which things were made from a file: hash, see admin/declared/declared-marks-store.ts
 *   {settings}     settings that were changed while pods run: hash, see settings/settings.ts
 *   {access}, {access}:roles, {access}:groups   how often these have changed, and their definitions: a hash each, see
 *                redis/definitions.ts; {access}:roles:removed: set of ids that are not used again, groups likewise
 *   {resources}, {resources}:all   the same of the APIs that tokens are made for
 *   {audit}:<trail>  the events of a trail, sealed: stream; see events/events.ts
 *   {audit}:<trail>:chain, :anchor, :begun, :head-told   what proves that nothing was changed; see events/chain.ts
 *   {audit}:<trail>:room, {audit}:admin:room:<h>   how many refusals, or failed acts of somebody, may still be kept
 *                one by one: hash
 *   {audit}:<trail>:by:<h>   numbers of the events that have to do with an account, client, kind or request
 *   {audit}:last   the number of the latest event
 *   {audit}:acts, {audit}:intended   acts of administrators under way: sorted set by the time of their last sign of
 *                life, and a hash of what they are, sealed
 *   {audit}:not-kept   refusals that were only counted: hash, one field for each trail (of failed acts: each
 *                actor) and hour
 *   {audit}:hours:<day>, {audit}:clients:<day>   sign-ins by the hour: hash; by the client: sorted set
 *   {doctor:<h>}   a question of the doctor, for a minute; see doctor/through-proxy.ts
 *   {once:<h>}     a request with an idempotency key, hash; see admin/api/idempotency.ts
 *   {accounts}:leaving   ids of accounts whose deletion is not finished, by the time when it began
 *   {accounts}:index   what accounts are found by: sorted set in the order of its texts, see accounts/directory-entries.ts
 *   {accounts}:owners  ids of accounts that certainly are active owners: set
 *   {accounts}:changing   ids of accounts whose index is being changed, by the time when that began: sorted set
 *   {accounts}:changing:<id>   who changes it, and what it is known to be found by: hash
 *   {accounts}:indexed   the version of the index that all accounts are in
 *   {accounts}:indexing  who brings it up to date, for a time
 *   {accounts}     ids of the accounts, by creation time; {clients} likewise
 *   {clients}:words  names of clients, by what they begin with; see oidc/client-words.ts
 *   {sessions}:era what was signed in before this one began is worth nothing: hash, see oidc/eras.ts
 *   {sessions}:<era>, {sessions}:<era>:<client>   all sessions, and those of a client: sorted sets of uid by about
 *                when they end; see oidc/session-index.ts
 *
 * <h> is a keyed hash of a bearer value (see oidc/key-ring.ts): the value itself is never stored.
 */
export type Keys = ReturnType<typeof createKeys>;

/** @param prefix put before every key, so that one Redis can hold several providers */
export function createKeys(prefix: string) {
  return {
    grant: (tag: string) => `${prefix}{g:${tag}}`,
    ofGrant: (tag: string, hash: string) => `${prefix}{g:${tag}}:${hash}`,
    session: (uid: string) => `${prefix}{s:${uid}}`,
    interaction: (hash: string) => `${prefix}{i:${hash}}`,
    pushedRequest: (hash: string) => `${prefix}{p:${hash}}`,
    proof: (hash: string) => `${prefix}{j:${hash}}`,
    userCode: (hash: string) => `${prefix}{u:${hash}}`,
    client: (id: string) => `${prefix}{c:${id}}`,
    clientList: () => `${prefix}{clients}`,
    clientWords: () => `${prefix}{clients}:words`,
    era: () => `${prefix}{sessions}:era`,
    sessionsOf: (era: number) => `${prefix}{sessions}:${era}`,
    sessionsOfClient: (era: number, id: string) => `${prefix}{sessions}:${era}:${id}`,
    account: (id: string) => `${prefix}{a:${id}}`,
    accountFactors: (id: string) => `${prefix}{a:${id}}:factors`,
    accountOnce: (id: string, hash: string) => `${prefix}{a:${id}}:once:${hash}`,
    accountBrowsers: (id: string) => `${prefix}{a:${id}}:browsers`,
    accountSignedIn: (id: string) => `${prefix}{a:${id}}:signed-in`,
    accountUpstreams: (id: string) => `${prefix}{a:${id}}:upstreams`,
    accountActivity: (id: string) => `${prefix}{a:${id}}:activity`,
    email: (hash: string) => `${prefix}{e:${hash}}`,
    link: (hash: string) => `${prefix}{l:${hash}}`,
    upstreamAccount: (hash: string) => `${prefix}{o:${hash}}`,
    upstreamSignIn: (hash: string) => `${prefix}{w:${hash}}`,
    limit: (hash: string) => `${prefix}{limits}:${hash}`,
    outbox: () => `${prefix}{mail}`,
    mail: (id: string) => `${prefix}{mail}:${id}`,
    mailsGivenUp: () => `${prefix}{mail}:given-up`,
    mailsShown: () => `${prefix}{mail}:shown`,
    audit: (trail: string) => `${prefix}{audit}:${trail}`,
    auditChain: (trail: string) => `${prefix}{audit}:${trail}:chain`,
    auditAnchor: (trail: string) => `${prefix}{audit}:${trail}:anchor`,
    auditBegun: (trail: string) => `${prefix}{audit}:${trail}:begun`,
    auditHeadTold: (trail: string) => `${prefix}{audit}:${trail}:head-told`,
    auditRoom: (trail: string) => `${prefix}{audit}:${trail}:room`,
    auditActorRoom: (hash: string) => `${prefix}{audit}:admin:room:${hash}`,
    auditIndex: (trail: string, hash: string) => `${prefix}{audit}:${trail}:by:${hash}`,
    auditLast: () => `${prefix}{audit}:last`,
    auditActs: () => `${prefix}{audit}:acts`,
    auditIntended: () => `${prefix}{audit}:intended`,
    auditNotKept: () => `${prefix}{audit}:not-kept`,
    auditHours: (day: number) => `${prefix}{audit}:hours:${day}`,
    auditClients: (day: number) => `${prefix}{audit}:clients:${day}`,
    once: (hash: string) => `${prefix}{once:${hash}}`,
    accountsLeaving: () => `${prefix}{accounts}:leaving`,
    accountList: () => `${prefix}{accounts}`,
    accountIndex: () => `${prefix}{accounts}:index`,
    accountOwners: () => `${prefix}{accounts}:owners`,
    accountsChanging: () => `${prefix}{accounts}:changing`,
    accountChanging: (id: string) => `${prefix}{accounts}:changing:${id}`,
    accountsIndexed: () => `${prefix}{accounts}:indexed`,
    accountsIndexing: () => `${prefix}{accounts}:indexing`,
    access: () => `${prefix}{access}`,
    accessDefinitions: (kind: 'roles' | 'groups') => `${prefix}{access}:${kind}`,
    resources: () => `${prefix}{resources}`,
    resourceDefinitions: () => `${prefix}{resources}:all`,
    /** Ids of things of one kind that are not used again; see redis/definitions.ts. */
    removedDefinitions: (all: string) => `${all}:removed`,
    keyRing: () => `${prefix}{k}`,
    schema: () => `${prefix}{schema}`,
    doctor: (hash: string) => `${prefix}{doctor:${hash}}`,
    pods: () => `${prefix}{pods}`,
    declared: () => `${prefix}{declared}`,
    settings: () => `${prefix}{settings}`,
    /** The sealed answer to the request that spent the thing under `key`; in the slot of that thing. */
    answer: (key: string) => `${key}:again`,
    /** A short-lived mark beside what has ended; see oidc/unit-of-work.ts. */
    ended: (key: string) => `${key}:ended`,
  };
}

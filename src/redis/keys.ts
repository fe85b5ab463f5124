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
 *   {k}            the key ring     hash
 *   {accounts}:leaving   ids of accounts whose deletion is not finished, by the time when it began
 *   {accounts}     ids of the accounts, by creation time; {clients} likewise
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
    accountsLeaving: () => `${prefix}{accounts}:leaving`,
    accountList: () => `${prefix}{accounts}`,
    keyRing: () => `${prefix}{k}`,
    /** The sealed answer to the request that spent the thing under `key`; in the slot of that thing. */
    answer: (key: string) => `${key}:again`,
    /** A short-lived mark beside what has ended; see oidc/unit-of-work.ts. */
    ended: (key: string) => `${key}:ended`,
  };
}

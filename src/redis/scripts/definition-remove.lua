-- Removes one of the things that administrators define, if it is as expected.
--
-- KEYS[1]  hash of all of its kind: id → "version createdAt updatedAt body"
-- KEYS[2]  the hash that pods watch; its field "version" counts up
-- KEYS[3]  set of the ids that are not used again
-- ARGV     id; the version that it must have, "" for any; 1 when its id may be used again
-- Gives    { "ok", what was stored } or { "not-found" }, { "changed" }

local id, expected, isFree = ARGV[1], ARGV[2], ARGV[3] == '1'
local stored = redis.call('HGET', KEYS[1], id)
if not stored then return { 'not-found' } end
if expected ~= '' and string.match(stored, '^(%d+) ') ~= expected then return { 'changed' } end
redis.call('HDEL', KEYS[1], id)
if not isFree then redis.call('SADD', KEYS[3], id) end
redis.call('HINCRBY', KEYS[2], 'version', 1)
return { 'ok', stored }

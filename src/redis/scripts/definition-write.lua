-- Makes or changes one of the things that administrators define (a role, a group, an API), if it is as expected.
--
-- KEYS[1]  hash of all of its kind: id → "version createdAt updatedAt body"
-- KEYS[2]  the hash that pods watch; its field "version" counts up
-- KEYS[3]  set of the ids that are not used again
-- KEYS[4]  hash of another kind, for ARGV[7] and on
-- ARGV     id; "create" or "update"; the version that it must have, "" for any; its body; the most that there may be;
--          the most bytes of all of them together; ids that must be in KEYS[4]
-- Gives    { "ok", what is stored } or { "taken" }, { "too-many" }, { "not-found" }, { "changed" },
--          { "missing", id }

local id, mode, expected, body, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local mostBytes = tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))

local stored = redis.call('HGET', KEYS[1], id)
local version, createdAt = 1, now
if mode == 'create' then
  if stored or redis.call('SISMEMBER', KEYS[3], id) == 1 then return { 'taken' } end
  if redis.call('HLEN', KEYS[1]) >= most then return { 'too-many' } end
else
  if not stored then return { 'not-found' } end
  local before, made = string.match(stored, '^(%d+) (%d+) ')
  if expected ~= '' and before ~= expected then return { 'changed' } end
  version, createdAt = tonumber(before) + 1, made
end
for i = 7, #ARGV do
  if redis.call('HEXISTS', KEYS[4], ARGV[i]) == 0 then return { 'missing', ARGV[i] } end
end

local text = string.format('%.0f', version) .. ' ' .. createdAt .. ' ' .. now .. ' ' .. body
-- One that becomes smaller may always do so.
if #text > #(stored or '') then
  local bytes = #text
  for _, other in ipairs(redis.call('HKEYS', KEYS[1])) do
    if other ~= id then bytes = bytes + redis.call('HSTRLEN', KEYS[1], other) end
  end
  if bytes > mostBytes then return { 'too-many' } end
end
redis.call('HSET', KEYS[1], id, text)
redis.call('HINCRBY', KEYS[2], 'version', 1)
return { 'ok', text }

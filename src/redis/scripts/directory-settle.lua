-- Ends a change that directory-begin.lua began: takes away what the account is not found by any more, and lets it
-- count as an owner again where it is one. What is known of a later version counts before what is told here, and
-- entries of changes that are still under way stay. A change that is not under way changes nothing.
--
-- KEYS     the index, the owners, the accounts that change, the changes of this account
-- ARGV     id, id of this change, JSON: version (0 when it is not there), entries and isOwner as the account is, isGone
--          when it is gone for good, and olderThanMs (optional: changes that began longer ago are ended too; they can
--          do nothing any more)
local id, change, told = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local function decode(text) return text and cjson.decode(text) end

if redis.call('HEXISTS', KEYS[4], 'c:' .. change) == 0 then return end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local known = decode(redis.call('HGET', KEYS[4], 'known'))
local latest = told
if known and (known.isGone or (not told.isGone and known.version > told.version)) then latest = known end

local ended, isLosing, stays = {}, false, {}
for _, entry in ipairs(latest.entries) do stays[entry] = true end
local all = redis.call('HGETALL', KEYS[4])
local left = 0
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'c:' then
    local one = decode(all[i + 1])
    if all[i] == 'c:' .. change or (told.olderThanMs and one.at < now - told.olderThanMs) then
      ended[#ended + 1] = { field = all[i], entries = one.entries }
    else
      left = left + 1
      isLosing = isLosing or one.losesOwner
      for _, entry in ipairs(one.entries) do stays[entry] = true end
    end
  end
end

if known then ended[#ended + 1] = { entries = known.entries } end
for _, one in ipairs(ended) do
  for _, entry in ipairs(one.entries) do
    if not stays[entry] then redis.call('ZREM', KEYS[1], entry) end
  end
  if one.field then redis.call('HDEL', KEYS[4], one.field) end
end
for _, entry in ipairs(latest.entries) do redis.call('ZADD', KEYS[1], 0, entry) end

if not latest.isOwner then
  redis.call('SREM', KEYS[2], id)
elseif not isLosing then
  redis.call('SADD', KEYS[2], id)
end

if left == 0 then
  redis.call('DEL', KEYS[4])
  redis.call('ZREM', KEYS[3], id)
else
  redis.call('HSET', KEYS[4], 'known', cjson.encode(latest))
end

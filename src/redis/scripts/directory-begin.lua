-- Says that an account is about to change, and adds what it will be found by. Until this is settled nobody takes
-- these entries away. When it would stop being an active owner, it does not count as one from here on; refused where
-- there would be no other one.
--
-- KEYS     the index, the owners, the accounts that change, the changes of this account
-- ARGV     id, id of this change, JSON: entries (that it has or will have), losesOwner
-- Gives    'ok', or 'last-owner' when nothing was done
local id, change, given = ARGV[1], ARGV[2], cjson.decode(ARGV[3])

if given.losesOwner then
  local others = redis.call('SCARD', KEYS[2]) - redis.call('SISMEMBER', KEYS[2], id)
  if others < 1 then return 'last-owner' end
  redis.call('SREM', KEYS[2], id)
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
given.at = now
redis.call('HSET', KEYS[4], 'c:' .. change, cjson.encode(given))
redis.call('ZADD', KEYS[3], string.format('%.0f', now), id)
for _, entry in ipairs(given.entries) do
  redis.call('ZADD', KEYS[1], 0, entry)
end
return 'ok'

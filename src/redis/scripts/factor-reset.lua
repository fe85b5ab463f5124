-- Takes one factor away, or all of them, whatever is left then, with the browsers that the account trusts; and ends
-- what it is signed in to. For administrators.
--
-- KEYS     the account, its factors, its browsers
-- ARGV     version that the account must have, the field of the factor (empty: all), the time now in ms
-- Gives    'ok' with all fields and values of the account, in turns; 'changed', or nothing when the account or the
--          factor is not there
local version, field, now = unpack(ARGV)

local status = redis.call('HGET', KEYS[1], 'status')
if not status or status == 'pending' or status == 'deleted' then return {} end
if redis.call('HGET', KEYS[1], 'version') ~= version then return { 'changed' } end

if field == '' then
  redis.call('DEL', KEYS[2])
elseif redis.call('HDEL', KEYS[2], field) == 0 then
  return {}
end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[1], 'updatedAt', now)
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
local all = redis.call('HGETALL', KEYS[1])
table.insert(all, 1, 'ok')
return all

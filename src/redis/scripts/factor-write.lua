-- Adds a factor or changes one, if it is still what it was when this was decided, and spends what it is done
-- for, all or nothing.
--
-- KEYS[1]  the account
-- KEYS[2]  its factors
-- KEYS[3]  optional: the mark of what may be used once
-- ARGV     field, the value it must have (empty: none), the new value, most factors of an account,
--          1 to count the account's epoch up or 0, lifetime of the mark in ms
-- Gives    done and the epoch; or gone, spent, changed or full
local field, expected, value, most, ends, lifetime = unpack(ARGV)

if redis.call('HGET', KEYS[1], 'status') ~= 'active' then return { 'gone' } end
if (redis.call('HGET', KEYS[2], field) or '') ~= expected then return { 'changed' } end
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return { 'spent' } end
if expected == '' and redis.call('HLEN', KEYS[2]) >= tonumber(most) then return { 'full' } end

redis.call('HSET', KEYS[2], field, value)
if KEYS[3] then redis.call('SET', KEYS[3], '1', 'PX', lifetime) end
if ends == '1' then
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
end
return { 'done', redis.call('HGET', KEYS[1], 'epoch') }

-- Keeps a request that once-begin.lua has begun with the try that works on it.
--
-- KEYS[1]  the record of the key
-- ARGV     name of this try, ms from now for which nobody else takes it up
-- Gives    1 when this try still has it
if redis.call('HGET', KEYS[1], 'try') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'until', string.format('%d', now + ARGV[2]))
return 1

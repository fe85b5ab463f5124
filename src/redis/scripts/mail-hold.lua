-- Makes the lease of a mail longer, if it is still the one that was taken.
--
-- KEYS   the outbox: mail ids by the time of the next try
-- ARGV   id, end of the lease, length of the next lease in ms
-- Gives  the new end of the lease; empty when it was lost
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) ~= tonumber(ARGV[2]) then return '' end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lease = string.format('%.0f', now + ARGV[3])
redis.call('ZADD', KEYS[1], lease, ARGV[1])
return lease

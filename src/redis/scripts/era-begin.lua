-- Begins the next era of everything that is signed in: what belongs to an earlier one is worth nothing.
--
-- KEYS   the era: hash of n (its number) and at (when it began)
-- Gives  { its number, when it began }, in milliseconds of Redis time

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local number = redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('HSET', KEYS[1], 'at', now)
return { number, now }

-- Lets go of the first blocks of a trail, and leaves an anchor that proves that it was meant to be.
--
-- KEYS[1]  the trail: stream
-- KEYS[2]  its chain: list
-- KEYS[3]  its anchor
-- ARGV[1]  the anchor, as it was; empty for none
-- ARGV[2]  how many links go
-- ARGV[3]  the last of them, as it was
-- ARGV[4]  the id of the first entry that may stay
-- ARGV[5]  the new anchor
-- Gives    1 when it is done, 0 when another pod was first
local count = tonumber(ARGV[2])
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[1] then return 0 end
if redis.call('LINDEX', KEYS[2], count - 1) ~= ARGV[3] then return 0 end
redis.call('LPOP', KEYS[2], count)
redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[4])
redis.call('SET', KEYS[3], ARGV[5])
return 1

-- Keeps the intention of an act before it is carried out, or gives a new sign of life of it.
--
-- KEYS[1]  acts under way, by the time of their last sign of life
-- KEYS[2]  what these are
-- ARGV[1]  the act
-- ARGV[2]  what it is, sealed; empty for a sign of life alone
local time = redis.call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[1], now, ARGV[1])
else
  redis.call('ZADD', KEYS[1], 'XX', now, ARGV[1])
end

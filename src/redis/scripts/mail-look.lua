-- How the outbox is doing. Of a long one the age is that of the oldest among those that are due first.
--
-- KEYS   the outbox: mail ids by the time of the next try; the mails that were given up
-- ARGV   the key of a mail, but for its id; most mails that are looked at
-- Gives  how many wait, how many were given up, the age of the oldest that waits in ms
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local oldest = now
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local at = tonumber(redis.call('HGET', ARGV[1] .. id, 'at') or now)
  if at < oldest then oldest = at end
end
return { redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), now - oldest }

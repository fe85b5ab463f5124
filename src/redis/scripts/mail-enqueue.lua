-- Puts a mail into the outbox, due at once, unless one with its id is or was there.
--
-- KEYS   the outbox: mail ids by the time of the next try; the mail
-- ARGV   id, sealed content, 1 when a mark of it shall outlast it, so that the id is never sent again
-- Gives  1 when it is new, 0 when it is not
local outbox, mail = KEYS[1], KEYS[2]
if redis.call('EXISTS', mail) == 1 then return 0 end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', mail, 'p', ARGV[2], 'at', now, 'tries', 0, 'marked', ARGV[3])
redis.call('ZADD', outbox, now, ARGV[1])
return 1

-- Notes that a mail could not be sent: it is due again later, or is given up and kept for a while.
--
-- KEYS   the outbox: mail ids by the time of the next try; the mail; the mails that were given up, by the time
-- ARGV   id, end of the lease, ms until the next try, 1 when there is no use in another, age in ms at which a
--        mail is given up, how long it is kept then in ms, why it failed
-- Gives  again, given-up, or lost when the lease has passed to another worker
local outbox, mail, givenUp = KEYS[1], KEYS[2], KEYS[3]
local id, lease, delay, hopeless, oldest, kept, why = unpack(ARGV)
if tonumber(redis.call('ZSCORE', outbox, id)) ~= tonumber(lease) then return 'lost' end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HINCRBY', mail, 'tries', 1)
redis.call('HSET', mail, 'why', why)
if hopeless ~= '1' and now + delay <= tonumber(redis.call('HGET', mail, 'at') or 0) + oldest then
  redis.call('ZADD', outbox, string.format('%.0f', now + delay), id)
  return 'again'
end

redis.call('ZREM', outbox, id)
redis.call('PEXPIRE', mail, kept)
redis.call('ZREMRANGEBYSCORE', givenUp, '-inf', now - kept)
redis.call('ZADD', givenUp, now, id)
redis.call('PEXPIRE', givenUp, kept)
return 'given-up'

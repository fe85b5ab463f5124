-- Takes a mail that was sent out of the outbox, whoever has its lease now. A mail that was enqueued under an
-- id of its own leaves a mark.
--
-- KEYS   the outbox: mail ids by the time of the next try; the mail; the mails that were given up
-- ARGV   id, lifetime of the mark in ms
local outbox, mail, givenUp = KEYS[1], KEYS[2], KEYS[3]
redis.call('ZREM', outbox, ARGV[1])
redis.call('ZREM', givenUp, ARGV[1])
local marked = redis.call('HGET', mail, 'marked')
if not marked then return end

redis.call('DEL', mail)
if marked == '1' then
  redis.call('HSET', mail, 'sent', 1)
  redis.call('PEXPIRE', mail, ARGV[2])
end

-- Writes a link in place of whatever link there was for the same purpose and subject. One that is made again from
-- the same seed is left as it is, spent or not.
--
-- KEYS[1]  the link
-- ARGV     hash of its secret, sealed content, lifetime in ms
if redis.call('HGET', KEYS[1], 'secret') == ARGV[1] then return end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'secret', ARGV[1], 'content', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])

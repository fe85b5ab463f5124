-- Ends a try that once-begin.lua has begun. One that was taken over by another changes nothing.
--
-- KEYS[1]  the record of the key
-- ARGV     name of this try, the sealed answer (empty when there is none, so that it may be tried again at once), ms
--          for which it is kept
-- Gives    1 when this try still had it
if redis.call('HGET', KEYS[1], 'try') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'try', 'until')
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'answer', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1

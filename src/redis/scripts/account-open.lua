-- Turns a pending account into an active one that stays. An account that is not pending is left as it is.
--
-- KEYS[1]  the account
-- Gives    all its fields and values, in turns; nothing when it is gone
if redis.call('HGET', KEYS[1], 'status') == 'pending' then
  redis.call('HSET', KEYS[1], 'status', 'active')
  redis.call('PERSIST', KEYS[1])
end
return redis.call('HGETALL', KEYS[1])

-- Turns a pending account into one that stays: active, or what it was to open as. An account that is not pending
-- is left as it is.
--
-- KEYS[1]  the account
-- Gives    all its fields and values, in turns; nothing when it is gone
if redis.call('HGET', KEYS[1], 'status') == 'pending' then
  redis.call('HSET', KEYS[1], 'status', redis.call('HGET', KEYS[1], 'opensAs') or 'active')
  redis.call('HDEL', KEYS[1], 'opensAs')
  redis.call('PERSIST', KEYS[1])
end
return redis.call('HGETALL', KEYS[1])

-- One page of the list of accounts, the latest first.
--
-- KEYS[1]  the list: account ids by the time of their creation
-- ARGV     id of the last account seen (or empty), the time of its creation, number wanted
-- Gives    id and time in turns
local from = 0
if ARGV[1] ~= '' then
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
  -- When it left the list meanwhile, accounts of the same millisecond may come twice rather than not at all.
  from = rank and rank + 1 or redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[2], '+inf')
end
return redis.call('ZRANGE', KEYS[1], from, from + ARGV[3] - 1, 'REV', 'WITHSCORES')

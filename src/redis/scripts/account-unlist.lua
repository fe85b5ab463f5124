-- Takes an id off the list of accounts, unless it was listed anew meanwhile.
--
-- KEYS[1]  the list: account ids by the time of their creation
-- ARGV     id, the time under which it was seen
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) == tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end

-- Puts a link at the end of a chain, or lets its last link reach further; when the chain still ends as it did when the
-- link was made, so that of many pods one does.
--
-- KEYS[1]  the chain: list
-- KEYS[2]  its anchor
-- KEYS[3]  a mark: its head was told lately
-- KEYS[4]  the record of the beginning of the trail
-- ARGV[1]  the last link, as it was; empty for none
-- ARGV[2]  the anchor, as it was; empty for none
-- ARGV[3]  push | extend
-- ARGV[4]  the new link
-- ARGV[5]  ms between two tellings of the head
-- ARGV[6], ARGV[7]  of the very first link: the record of the beginning as it was, and that the chain is begun
-- Gives    0 when another pod was first, 1 when it is done, 2 when the head is to be told as well
if (redis.call('LINDEX', KEYS[1], -1) or '') ~= ARGV[1] then return 0 end
if ARGV[1] == '' and (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return 0 end
if ARGV[7] then
  if redis.call('GET', KEYS[4]) ~= ARGV[6] then return 0 end
  redis.call('SET', KEYS[4], ARGV[7])
end
if ARGV[3] == 'extend' then
  redis.call('LSET', KEYS[1], -1, ARGV[4])
else
  redis.call('RPUSH', KEYS[1], ARGV[4])
end
if redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[5]) then return 2 end
return 1

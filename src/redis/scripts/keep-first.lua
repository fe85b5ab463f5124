-- Sets the fields of a hash that are not there yet, so that of several pods starting at once on an empty
-- Redis the first decides and all get the same.
--
-- KEYS[1]  the hash
-- ARGV     field and value in turns
-- Gives    all fields and values of the hash, in turns

for i = 1, #ARGV, 2 do
  redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1])
end
local all = redis.call('HGETALL', KEYS[1])
return all

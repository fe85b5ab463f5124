-- Puts secrets in place of themselves, sealed anew; each only where it is as it was read.
--
-- KEYS[1]  the key ring
-- ARGV     of each secret three: its name, as it was sealed, as it is sealed now
-- Gives    how many were replaced
local done = 0
for at = 1, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2])
    done = done + 1
  end
end
return done

-- Notes the code that is about to be mailed, in place of the one before, unless the account got many lately.
--
-- KEYS[1]  the code of an account and context
-- KEYS[2]  how many codes the account got lately
-- ARGV     keyed hash of the code, its lifetime in ms, most codes, the time in ms in which they count
-- Gives    0, or in how many ms the next code may be sent
local code, lifetime, most, window = unpack(ARGV)

if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(most) then
  return math.max(redis.call('PTTL', KEYS[2]), 1)
end
if redis.call('INCR', KEYS[2]) == 1 then redis.call('PEXPIRE', KEYS[2], window) end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'code', code, 'tries', 0)
redis.call('PEXPIRE', KEYS[1], lifetime)
return 0

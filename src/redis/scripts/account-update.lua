-- Changes fields of an account that was opened, and counts its version up.
--
-- KEYS[1]  the account
-- ARGV     1 to count its epoch up too, or 0; then field and value in turns
-- Gives    all its fields and values, in turns; nothing when it is gone or pending
local status = redis.call('HGET', KEYS[1], 'status')
if not status or status == 'pending' then return {} end

for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('HINCRBY', KEYS[1], 'version', 1)
if ARGV[1] == '1' then redis.call('HINCRBY', KEYS[1], 'epoch', 1) end
return redis.call('HGETALL', KEYS[1])

-- Reserves an e-mail address for an account that is about to be written. The reservation runs out by itself,
-- so that one left by a killed pod blocks nobody for long; the same account may renew it.
--
-- KEYS[1]  the address
-- ARGV     account id, lifetime in ms, id of an account that is known to have lost its claim (or empty)
-- Gives    the id that holds the address now
local id, lifetime, lost = ARGV[1], ARGV[2], ARGV[3]
local holder = redis.call('GET', KEYS[1])
local left = redis.call('PTTL', KEYS[1])

if holder and holder ~= id and holder ~= lost then return holder end
-- What it holds for longer already, or for good, it keeps.
if holder == id and (left == -1 or left > tonumber(lifetime)) then return id end
redis.call('SET', KEYS[1], id, 'PX', lifetime)
return id

-- Makes the reservation of an e-mail address permanent, if the account still holds it.
--
-- KEYS[1]  the address
-- ARGV     account id
-- Gives    the id that holds the address now; empty when the reservation ran out
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then redis.call('PERSIST', KEYS[1]) end
return holder or ''

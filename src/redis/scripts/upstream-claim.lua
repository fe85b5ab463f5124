-- Claims an identity at another provider for an account: for a while, before the account's own side is written,
-- and for good afterwards. A claim for good is never shortened.
--
-- KEYS[1]  the identity
-- ARGV     account id, lifetime in ms (0 for good), id of an account that is known to have lost its claim (or empty)
-- Gives    the id of the account that the identity belongs to now
local id, lifetime, lost = ARGV[1], ARGV[2], ARGV[3]
local holder = redis.call('GET', KEYS[1])
local isForGood = holder and redis.call('PTTL', KEYS[1]) == -1

if holder and holder ~= id and holder ~= lost then return holder end
if lifetime == '0' then
  redis.call('SET', KEYS[1], id)
elseif not (holder == id and isForGood) then
  redis.call('SET', KEYS[1], id, 'PX', lifetime)
end
return id

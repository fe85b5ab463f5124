-- Frees an identity at another provider, if it is this account's.
--
-- KEYS[1]  the identity
-- ARGV     account id
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end

-- Gives an e-mail address up, at once or after a time, if the account still holds it. A time that runs already
-- is not begun anew.
--
-- KEYS[1]  the address
-- ARGV     account id, ms for which it stays reserved (0 for none)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
elseif redis.call('PTTL', KEYS[1]) == -1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end

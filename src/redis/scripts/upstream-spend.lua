-- Takes what one sign-in at another provider is checked by, for the first who asks. What the sign-in was for
-- stays until it runs out.
--
-- KEYS[1]  the sign-in
-- Gives    the sealed checks; nothing when they were taken, or the sign-in is gone
local checks = redis.call('HGET', KEYS[1], 'checks')
if checks then redis.call('HDEL', KEYS[1], 'checks') end
return checks

-- Replaces an account by a tombstone, which lets nothing that is in flight bring it back, and removes what lies
-- beside it. A second time it changes nothing.
--
-- KEYS     the account, then what belongs to it; all in one slot
-- ARGV     the address that it is expected to have, what is left to do (sealed), ms for which the tombstone stays;
--          optional: the status and the roles that it is expected to have, and its version
-- Gives    'ok' or 'buried' with what is left to do; 'changed' when it is not as expected; nothing when there is no
--          such account
local status = redis.call('HGET', KEYS[1], 'status')
if not status or status == 'pending' then return {} end
if status == 'deleted' then return { 'buried', redis.call('HGET', KEYS[1], 'left') or '' } end
if redis.call('HGET', KEYS[1], 'email') ~= ARGV[1] then return { 'changed' } end
if ARGV[4] and (status ~= ARGV[4] or (redis.call('HGET', KEYS[1], 'roles') or '') ~= ARGV[5]) then
  return { 'changed' }
end
if ARGV[6] and redis.call('HGET', KEYS[1], 'version') ~= ARGV[6] then return { 'changed' } end

for i = 1, #KEYS do
  redis.call('DEL', KEYS[i])
end
redis.call('HSET', KEYS[1], 'status', 'deleted', 'left', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'ok', ARGV[2] }

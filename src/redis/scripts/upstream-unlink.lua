-- Takes an identity at another provider off an account, unless it is the last way in.
--
-- KEYS     the account, its factors, its identities
-- ARGV     the identity, then others of the account that lead in as well, if they are there still
-- Gives    'unlinked', 'not-linked' or 'last-way-in'
local account, factors, identities = KEYS[1], KEYS[2], KEYS[3]

if redis.call('HEXISTS', identities, ARGV[1]) == 0 then return 'not-linked' end

local hasOther = redis.call('HEXISTS', account, 'passwordHash') == 1
for i = 2, #ARGV do
  hasOther = hasOther or redis.call('HEXISTS', identities, ARGV[i]) == 1
end
if not hasOther then
  for _, factor in ipairs(redis.call('HKEYS', factors)) do
    hasOther = hasOther or string.sub(factor, 1, 2) == 'w:'
  end
end
if not hasOther then return 'last-way-in' end

redis.call('HDEL', identities, ARGV[1])
return 'unlinked'

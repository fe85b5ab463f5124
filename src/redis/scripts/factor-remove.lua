-- Removes a factor, unless nobody could sign in to the account without it: it is the last passkey of an account
-- that has no password and no identity at another provider that leads in.
--
-- KEYS[1]  the account
-- KEYS[2]  its factors
-- KEYS[3]  its identities at other providers
-- ARGV     field, what the fields of passkeys begin with, 1 to count the account's epoch up or 0, then the
--          identities that lead in, if they are there still
-- Gives    done and the epoch; or not-found or last-way-in
local field, passkey, ends = ARGV[1], ARGV[2], ARGV[3]

local function isPasskey(name) return string.sub(name, 1, #passkey) == passkey end

if redis.call('HEXISTS', KEYS[2], field) == 0 then return { 'not-found' } end

if isPasskey(field) then
  local hasOther = redis.call('HEXISTS', KEYS[1], 'passwordHash') == 1
  for i = 4, #ARGV do
    hasOther = hasOther or redis.call('HEXISTS', KEYS[3], ARGV[i]) == 1
  end
  for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
    hasOther = hasOther or (name ~= field and isPasskey(name))
  end
  if not hasOther then return { 'last-way-in' } end
end

redis.call('HDEL', KEYS[2], field)
if ends == '1' and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
end
return { 'done', redis.call('HGET', KEYS[1], 'epoch') or '0' }

-- Notes a browser that an account trusts. What has expired, and what the account no longer trusts since its
-- epoch changed, goes; and of too many the oldest.
--
-- KEYS[1]  the account
-- KEYS[2]  its browsers
-- ARGV     field, value (JSON with createdAt, expiresAt and epoch), epoch that the account must have, the time
--          now in ms, most browsers, lifetime in ms
-- Gives    1, or 0 when the account is gone, disabled or has another epoch
local field, value, epoch, now, most, lifetime = unpack(ARGV)

local status, current = unpack(redis.call('HMGET', KEYS[1], 'status', 'epoch'))
if status ~= 'active' or current ~= epoch then return 0 end

local kept = {}
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  local browser = cjson.decode(all[i + 1])
  if browser.expiresAt <= tonumber(now) or browser.epoch ~= tonumber(epoch) then
    redis.call('HDEL', KEYS[2], all[i])
  elseif all[i] ~= field then
    kept[#kept + 1] = { field = all[i], createdAt = browser.createdAt }
  end
end
table.sort(kept, function(a, b)
  if a.createdAt == b.createdAt then return a.field < b.field end
  return a.createdAt < b.createdAt
end)
for i = 1, #kept - (tonumber(most) - 1) do redis.call('HDEL', KEYS[2], kept[i].field) end

redis.call('HSET', KEYS[2], field, value)
redis.call('PEXPIRE', KEYS[2], lifetime)
return 1

-- Reads keys of one slot at one moment.
--
-- KEYS     the keys
-- ARGV[1]  the most fields of a hash that is read as a whole
-- Gives    of each key three: its type, when it ends (ms since the epoch, negative for never), and what it holds where
--          that is a string or a hash of so few fields
local most = tonumber(ARGV[1])
local reply = {}
for _, key in ipairs(KEYS) do
  local type = redis.call('TYPE', key).ok
  local items = false
  if type == 'string' then
    items = { redis.call('GET', key) }
  elseif type == 'hash' and redis.call('HLEN', key) <= most then
    items = redis.call('HGETALL', key)
  end
  reply[#reply + 1] = type
  reply[#reply + 1] = redis.call('PEXPIRETIME', key)
  reply[#reply + 1] = items
end
return reply

-- Puts one key of a backup in, or a part of it; again if need be, as after a kill, without adding anything twice.
--
-- KEYS[1]  the key
-- ARGV     its type, how many items of it came before (0 takes away what is there), when it ends (ms since the epoch, 0
--          for never), then the items; see backup/record.ts
local key, type, offset, expiresAt = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local first, slice = 4, 1000

if offset == 0 then redis.call('UNLINK', key) end

local function inSlices(command)
  for at = first, #ARGV, slice do
    redis.call(command, key, unpack(ARGV, at, math.min(at + slice - 1, #ARGV)))
  end
end

if type == 'string' then
  redis.call('SET', key, ARGV[first])
elseif type == 'hash' then
  inSlices('HSET')
elseif type == 'set' then
  inSlices('SADD')
elseif type == 'zset' then
  for at = first, #ARGV, 2 do redis.call('ZADD', key, ARGV[at + 1], ARGV[at]) end
elseif type == 'list' then
  if redis.call('LLEN', key) == offset then inSlices('RPUSH') end
else
  local at = first
  while at <= #ARGV do
    local count = tonumber(ARGV[at + 1])
    -- Ids only ever rise: one that cannot be added is there from an earlier try.
    local added = redis.pcall('XADD', key, ARGV[at], unpack(ARGV, at + 2, at + 1 + count))
    if added.err and not string.find(added.err, 'equal or smaller', 1, true) then return added end
    at = at + 2 + count
  end
end

if expiresAt > 0 then redis.call('PEXPIREAT', key, ARGV[3]) end

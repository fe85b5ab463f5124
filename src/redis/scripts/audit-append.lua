-- Appends one event to its trail, names it in the indexes, and counts it.
--
-- KEYS[1]  the trail: stream
-- KEYS[2]  the number of the latest event
-- KEYS[3]  acts under way, by the time of their last sign of life
-- KEYS[4]  what these are
-- KEYS[5]  refusals that were only counted
-- KEYS[6]  how many refusals, of all or of one actor, may still be kept one by one
-- KEYS[7]  sign-ins of a day by the hour
-- KEYS[8]  sign-ins of a day by the client
-- KEYS[9]  the chain of the trail: list
-- KEYS[10] its anchor
-- KEYS[11] the record of its beginning
-- KEYS[12…] indexes
-- ARGV[1]  on which condition: always | ends (with it an act ends) | only-if-under-way (the same, and nothing
--          happens when it has ended before) | not-kept (with it a count of refusals is told)
-- ARGV[2]  the act, or the field of the count
-- ARGV[3]  the event, sealed
-- ARGV[4]  ms for which it is kept
-- ARGV[5]  of a refusal: how many may come at once; 0 for what is always kept
-- ARGV[6]  of a refusal: ms until there is room for one more
-- ARGV[7]  of a refusal: the field under which it is counted when there is no room
-- ARGV[8]  the field of the hour that it counts for; empty for none
-- ARGV[9]  the client that it counts for; empty for none
-- ARGV[10] ms for which counts are kept
-- ARGV[11] how many of the indexes are short, and kept as sorted sets; the rest are streams
-- ARGV[12] the count that must still hold, with not-kept
-- ARGV[13] of a refusal that is counted by its actor: who that is, sealed; empty for none
-- ARGV[14] the record of the beginning, for a trail of which there is nothing yet
-- Gives    the number of the event; nothing when it was not kept
local condition, subject, sealed = ARGV[1], ARGV[2], ARGV[3]
local keepMs, burst, msForOne = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

if condition == 'ends' or condition == 'only-if-under-way' then
  local wasThere = redis.call('HDEL', KEYS[4], subject)
  redis.call('ZREM', KEYS[3], subject)
  if condition == 'only-if-under-way' and wasThere == 0 then return false end
elseif condition == 'not-kept' then
  if redis.call('HGET', KEYS[5], subject) ~= ARGV[12] then return false end
  redis.call('HDEL', KEYS[5], subject, subject .. ':whose')
end

if ARGV[8] ~= '' then
  redis.call('HINCRBY', KEYS[7], ARGV[8], 1)
  redis.call('PEXPIRE', KEYS[7], ARGV[10])
end
if ARGV[9] ~= '' then
  redis.call('ZINCRBY', KEYS[8], 1, ARGV[9])
  redis.call('PEXPIRE', KEYS[8], ARGV[10])
end

if burst > 0 then
  local state = redis.call('HMGET', KEYS[6], 'room', 'at')
  local room = math.min(burst, tonumber(state[1] or burst) + math.max(0, now - tonumber(state[2] or now)) / msForOne)
  if room < 1 then
    redis.call('HINCRBY', KEYS[5], ARGV[7], 1)
    if ARGV[13] ~= '' then redis.call('HSETNX', KEYS[5], ARGV[7] .. ':whose', ARGV[13]) end
    return false
  end
  redis.call('HSET', KEYS[6], 'room', string.format('%.6f', room - 1), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[6], string.format('%.0f', keepMs))
end

-- Never again while there is anything of the trail: it would vouch for what somebody left of it.
if redis.call('XLEN', KEYS[1]) == 0 and redis.call('EXISTS', KEYS[9], KEYS[10], KEYS[11]) == 0 then
  redis.call('SET', KEYS[11], ARGV[14])
end

-- The clock of Redis may be set back, and more than one event comes in a millisecond.
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if last == 0 then
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if newest then
    local ms, count = string.match(newest[1], '^(%d+)-(%d+)$')
    last = tonumber(ms) * 1000 + tonumber(count)
  end
end
local number = math.max(now * 1000, last + 1)
local text = string.format('%.0f', number)
local id = string.format('%.0f-%.0f', math.floor(number / 1000), number % 1000)
redis.call('SET', KEYS[2], text)
redis.call('XADD', KEYS[1], id, 'e', sealed)

local short = tonumber(ARGV[11])
local oldest = now - keepMs
for at = 12, #KEYS do
  if at - 11 <= short then
    redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', string.format('(%.0f', oldest * 1000))
    redis.call('ZADD', KEYS[at], text, text)
  else
    redis.call('XADD', KEYS[at], 'MINID', '~', string.format('%.0f-0', oldest), id, 'n', '')
  end
  redis.call('PEXPIRE', KEYS[at], string.format('%.0f', keepMs))
end
return text

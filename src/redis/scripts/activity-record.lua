-- Notes what happened to an account, and lets go of what is too old or too much.
--
-- KEYS[1]  the account
-- KEYS[2]  its activity
-- ARGV[1]  event, or failures: these are counted by the hour, one field for each hour
-- ARGV[2]  of an event: its id, which is noted once
-- ARGV[3]  of an event: what is kept of it
-- ARGV[4]  most events
-- ARGV[5]  most hours with failures
-- ARGV[6]  ms for which anything is kept
-- Gives    1 when it was noted, else 0: it was noted before, or the account is gone
local what, id, value = ARGV[1], ARGV[2], ARGV[3]
local mostEvents, mostHours, keepMs = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

-- Nothing may be left of an account that was deleted.
if redis.call('HGET', KEYS[1], 'status') ~= 'active' then return 0 end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local events, hours, latest = {}, {}, 0
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  local kind, at, rest = string.match(field, '^(%l):(%d+):?(.*)$')
  if tonumber(at) < now - keepMs then
    redis.call('HDEL', KEYS[2], field)
  elseif kind == 'f' then
    hours[#hours + 1] = field
  elseif what == 'event' and rest == id then
    return 0
  else
    events[#events + 1] = field
    latest = math.max(latest, tonumber(at))
  end
end

-- Fifteen digits, so that the names sort by time. No two events have the same, so that they keep their order.
if what == 'failures' then
  local field = string.format('f:%015.0f', now - now % 3600000)
  if redis.call('HINCRBY', KEYS[2], field, 1) == 1 then hours[#hours + 1] = field end
else
  local field = string.format('e:%015.0f:%s', math.max(now, latest + 1), id)
  redis.call('HSET', KEYS[2], field, value)
  events[#events + 1] = field
end

local function keepNewest(fields, most)
  table.sort(fields)
  for at = 1, #fields - most do redis.call('HDEL', KEYS[2], fields[at]) end
end
keepNewest(events, mostEvents)
keepNewest(hours, mostHours)
redis.call('PEXPIRE', KEYS[2], keepMs)
return 1

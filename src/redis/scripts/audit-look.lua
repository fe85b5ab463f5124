-- What there is to do for the audit trail; one look for all of it.
--
-- KEYS[1…3], KEYS[4…6]  of each trail: its stream, its chain, its anchor
-- KEYS[7]  acts under way, by the time of their last sign of life
-- KEYS[8]  what these are
-- KEYS[9]  refusals that were only counted
-- ARGV[1]  ms without a sign of life after which an act counts as abandoned
-- ARGV[2]  most acts, and most counts
-- Gives    { of each trail { its latest entry's id, its length, the last link, the first link, the anchor },
--            abandoned acts: id, what it is, sealed; id …
--            counts: field, count; field …, of hours that are over }
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local most = tonumber(ARGV[2])

local function look(stream, chain, anchor)
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return {
    newest and newest[1] or '',
    redis.call('XLEN', stream),
    redis.call('LINDEX', chain, -1) or '',
    redis.call('LINDEX', chain, 0) or '',
    redis.call('GET', anchor) or '',
  }
end

local acts = {}
local silentSince = string.format('%.0f', now - tonumber(ARGV[1]))
for _, id in ipairs(redis.call('ZRANGE', KEYS[7], '-inf', silentSince, 'BYSCORE', 'LIMIT', 0, most)) do
  local what = redis.call('HGET', KEYS[8], id)
  if what then
    acts[#acts + 1] = id
    acts[#acts + 1] = what
  else
    redis.call('ZREM', KEYS[7], id)
  end
end

local counts = {}
local thisHour = math.floor(now / 3600000)
if redis.call('EXISTS', KEYS[9]) == 1 then
  local flat = redis.call('HGETALL', KEYS[9])
  for at = 1, #flat, 2 do
    local hour = tonumber(string.match(flat[at], ':(%d+)$') or 0)
    if hour < thisHour and #counts < most * 2 then
      counts[#counts + 1] = flat[at]
      counts[#counts + 1] = flat[at + 1]
    end
  end
end

return { look(KEYS[1], KEYS[2], KEYS[3]), look(KEYS[4], KEYS[5], KEYS[6]), acts, counts }

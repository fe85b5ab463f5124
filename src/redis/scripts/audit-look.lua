-- What there is to do for the audit trail; one look for all of it.
--
-- KEYS[1…4], KEYS[5…8]  of each trail: its stream, its chain, its anchor, its beginning
-- KEYS[9]  acts under way, by the time of their last sign of life
-- KEYS[10] what these are
-- KEYS[11] refusals that were only counted
-- ARGV[1]  ms without a sign of life after which an act counts as abandoned
-- ARGV[2]  most acts, and most counts
-- Gives    { of each trail { its latest entry's id, its length, the last link, the first link, the anchor, its
--            beginning },
--            abandoned acts: id, what it is, sealed; id …
--            counts: field, count, whose they are, sealed, or nothing; field …, of hours that are over;
--            the time }
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local most = tonumber(ARGV[2])

local function look(stream, chain, anchor, begun)
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return {
    newest and newest[1] or '',
    redis.call('XLEN', stream),
    redis.call('LINDEX', chain, -1) or '',
    redis.call('LINDEX', chain, 0) or '',
    redis.call('GET', anchor) or '',
    redis.call('GET', begun) or '',
  }
end

local acts = {}
local silentSince = string.format('%.0f', now - tonumber(ARGV[1]))
for _, id in ipairs(redis.call('ZRANGE', KEYS[9], '-inf', silentSince, 'BYSCORE', 'LIMIT', 0, most)) do
  local what = redis.call('HGET', KEYS[10], id)
  if what then
    acts[#acts + 1] = id
    acts[#acts + 1] = what
  else
    redis.call('ZREM', KEYS[9], id)
  end
end

local counts = {}
local thisHour = math.floor(now / 3600000)
if redis.call('EXISTS', KEYS[11]) == 1 then
  local flat = redis.call('HGETALL', KEYS[11])
  for at = 1, #flat, 2 do
    local hour = tonumber(string.match(flat[at], ':(%d+)$') or thisHour)
    if hour < thisHour and #counts < most * 3 then
      counts[#counts + 1] = flat[at]
      counts[#counts + 1] = flat[at + 1]
      counts[#counts + 1] = redis.call('HGET', KEYS[11], flat[at] .. ':whose') or ''
    end
  end
end

return {
  look(KEYS[1], KEYS[2], KEYS[3], KEYS[4]),
  look(KEYS[5], KEYS[6], KEYS[7], KEYS[8]),
  acts,
  counts,
  string.format('%.0f', now),
}

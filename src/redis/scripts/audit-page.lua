-- Reads events in order, out of several sources at once: whole trails, or indexes of them.
--
-- KEYS[1], KEYS[2]  the trails
-- KEYS[3…]  the sources
-- ARGV[1]  up (the oldest first) or down
-- ARGV[2]  the lowest number, inclusive
-- ARGV[3]  the highest number, inclusive
-- ARGV[4]  most events
-- ARGV[5…] of each source two: 1 or 2, the trail; and what it is: trail | stream | set
-- Gives    { the number of the last that was looked at, or nothing when there is no more; then of each event three:
--          1 or 2, its number, the event sealed }
local direction, lowest, highest, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function idOf(number)
  return string.format('%.0f-%.0f', math.floor(number / 1000), number % 1000)
end
local function numberOf(id)
  local ms, count = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms) * 1000 + tonumber(count)
end

local found, seen, isFull = {}, {}, false
for at = 3, #KEYS do
  local trail, what = tonumber(ARGV[5 + (at - 3) * 2]), ARGV[6 + (at - 3) * 2]
  local numbers, bodies = {}, {}
  if what == 'set' then
    local low, high = string.format('%.0f', lowest), string.format('%.0f', highest)
    if direction == 'up' then
      numbers = redis.call('ZRANGE', KEYS[at], low, high, 'BYSCORE', 'LIMIT', 0, most)
    else
      numbers = redis.call('ZRANGE', KEYS[at], high, low, 'BYSCORE', 'REV', 'LIMIT', 0, most)
    end
  else
    local entries
    if direction == 'up' then
      entries = redis.call('XRANGE', KEYS[at], idOf(lowest), idOf(highest), 'COUNT', most)
    else
      entries = redis.call('XREVRANGE', KEYS[at], idOf(highest), idOf(lowest), 'COUNT', most)
    end
    for index, entry in ipairs(entries) do
      numbers[index] = numberOf(entry[1])
      if what == 'trail' then bodies[index] = entry[2][2] end
    end
  end
  if #numbers == most then isFull = true end
  for index, number in ipairs(numbers) do
    number = tonumber(number)
    if not seen[number] then
      seen[number] = true
      found[#found + 1] = { trail, number, bodies[index] }
    end
  end
end

table.sort(found, function(a, b)
  if direction == 'up' then return a[2] < b[2] end
  return a[2] > b[2]
end)

local reply = { false }
for index = 1, math.min(most, #found) do
  local trail, number, body = found[index][1], found[index][2], found[index][3]
  if not body then
    local entry = redis.call('XRANGE', KEYS[trail], idOf(number), idOf(number))[1]
    body = entry and entry[2][2]
  end
  -- One that is gone by its age may still be named in an index.
  if body then
    reply[#reply + 1] = trail
    reply[#reply + 1] = string.format('%.0f', number)
    reply[#reply + 1] = body
  end
end
if #found > most then isFull = true end
if isFull then reply[1] = string.format('%.0f', found[math.min(most, #found)][2]) end
return reply

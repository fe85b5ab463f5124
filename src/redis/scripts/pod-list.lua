-- The pods that are alive.
--
-- KEYS[1]  the hash of pods
-- ARGV[1]  how long a silent pod counts as alive, in ms
-- Gives    id and JSON in turns

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local alive = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if cjson.decode(all[i + 1]).seenAt + tonumber(ARGV[1]) >= now then
    alive[#alive + 1] = all[i]
    alive[#alive + 1] = all[i + 1]
  end
end
return alive

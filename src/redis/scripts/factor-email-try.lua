-- Tries a mailed code: it is gone once it was right, and after so many tries.
--
-- KEYS[1]  the code of an account and context
-- ARGV     keyed hash of what was typed, most tries
-- Gives    right, wrong and the tries that are left, or gone
local code = redis.call('HGET', KEYS[1], 'code')
if not code then return { 'gone' } end

local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)
if code == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return { 'right' }
end
local left = tonumber(ARGV[2]) - tries
if left <= 0 then redis.call('DEL', KEYS[1]) end
return { 'wrong', left }

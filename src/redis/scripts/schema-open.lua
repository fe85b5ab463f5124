-- Writes down which form the data has, unless that is written already; so that of several pods starting at once on an
-- empty Redis the first decides.
--
-- KEYS[1]  the schema: hash
-- ARGV     the form, the least form that code must know to read it
-- Gives    all its fields and values, in turns

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'form', ARGV[1], 'reader', ARGV[2])
end
local all = redis.call('HGETALL', KEYS[1])
return all

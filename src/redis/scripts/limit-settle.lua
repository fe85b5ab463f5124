-- Corrects counters after an attempt whose outcome is known. What ran out meanwhile is not made anew.
--
-- KEYS   counters that limit-take.lua counted the attempt in
-- ARGV   for each: `clear` begins it at nothing, `back` takes this one attempt out again
for i, key in ipairs(KEYS) do
  if ARGV[i] == 'clear' then
    redis.call('DEL', key)
  else
    local kind = redis.call('TYPE', key).ok
    if kind == 'string' and tonumber(redis.call('GET', key)) > 0 then
      redis.call('DECR', key)
    elseif kind == 'hash' and tonumber(redis.call('HGET', key, 'count')) > 0 then
      redis.call('HINCRBY', key, 'count', -1)
    end
  end
end

-- Removes expired rows. KEYS: the list, the due rows, the kept rows, the kept due rows, the list of due rows. ARGV: shift, how many, what the names of
-- the rows begin with. Touches rows that are not in KEYS; they carry the same hash tag.
local left, purged = tonumber(ARGV[2]), 0
for i = 3, 4 do
  if left > 0 then
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', text(now), 'LIMIT', 0, left)) do
      redis.call('DEL', ARGV[3] .. member)
      for _, index in ipairs(KEYS) do redis.call('ZREM', index, member) end
      left, purged = left - 1, purged + 1
    end
  end
end
return purged

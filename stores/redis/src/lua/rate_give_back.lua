-- Gives a cell back to each limit that still counts the run it was taken in; after a full pause it is long made up for.
-- KEYS: each limit. ARGV: shift; for each limit its spacing in microseconds and the run.
for i = 1, #KEYS do
  local stored = redis.call('GET', KEYS[i])
  local tat, run = string.match(stored or '', '^(%d+):(%d+)$')
  if run and run == ARGV[2 * i + 1] then
    local before = tonumber(tat) - ARGV[2 * i]
    if before <= now then
      redis.call('DEL', KEYS[i])
    else
      redis.call('SET', KEYS[i], text(before) .. ':' .. run, 'PX', math.ceil((before - now) / 1000) + 1)
    end
  end
end
return 1

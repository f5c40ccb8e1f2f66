-- Takes one cell of every limit, or none of any (GCRA, ITU-T I.371).
-- KEYS: the pause, then each limit. ARGV: shift; for each limit its spacing and its tolerance in microseconds.
-- Answers: now, the wait (0: taken); for each limit when its next cell is free, and the run it was taken in.
local limits = {}
local paused = redis.call('PTTL', KEYS[1])
local wait = 0
if paused > 0 then wait = paused * 1000 end
for i = 2, #KEYS do
  local limit = { spacing = tonumber(ARGV[2 * i - 2]), tolerance = tonumber(ARGV[2 * i - 1]), tat = now, run = '' }
  local stored = redis.call('GET', KEYS[i])
  if stored then
    local tat, run = string.match(stored, '^(%d+):(%d+)$')
    limit.tat, limit.run = tonumber(tat) or now, run or ''
    -- A limit is never ahead by more than all its cells: else the clock was set back, or the pace was another. Then it is used up.
    if limit.tat > now + limit.tolerance + limit.spacing then limit.tat = now + limit.tolerance end
  end
  wait = math.max(wait, limit.tat - limit.tolerance - now)
  limits[i - 1] = limit
end
local answer = { text(now), text(wait) }
for i, limit in ipairs(limits) do
  if wait <= 0 then
    if limit.tat <= now then limit.tat, limit.run = now, text(now) end
    limit.tat = limit.tat + limit.spacing
    redis.call('SET', KEYS[i + 1], text(limit.tat) .. ':' .. limit.run, 'PX', math.ceil((limit.tat - now) / 1000) + 1)
  end
  answer[2 * i + 1] = text(limit.tat - limit.tolerance)
  answer[2 * i + 2] = limit.run
end
return answer

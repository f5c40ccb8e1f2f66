-- A lease that one holder has at a time, each time with a greater token.
-- KEYS: the lease, the last token. ARGV: shift, claim | renew | release, the holder, milliseconds, a token that was seen.
-- Answers: the token (0: it is not the caller's), and for how many milliseconds it is held.
local held = redis.call('GET', KEYS[1])
local token, holder = string.match(held or '', '^(%d+):(.*)$')
local ours = holder == ARGV[3]
if ARGV[2] == 'release' then
  if ours then redis.call('DEL', KEYS[1]) end
  return { ours and token or '0', '0' }
end
if held and not ours then return { '0', text(math.max(redis.call('PTTL', KEYS[1]), 1)) } end
if not held then
  if ARGV[2] == 'renew' then return { '0', '0' } end
  -- Above the last, above what the caller has seen and above the clock: no token comes back, even if the last one was lost.
  token = text(math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, tonumber(ARGV[5]) + 1, now))
  redis.call('SET', KEYS[2], token)
end
redis.call('SET', KEYS[1], token .. ':' .. ARGV[3], 'PX', ARGV[4])
return { token, ARGV[4] }

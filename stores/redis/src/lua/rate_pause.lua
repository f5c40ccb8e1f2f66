-- Stops everybody for so many milliseconds, or for longer if they are stopped for longer already.
-- KEYS: the pause. ARGV: shift (unused), milliseconds.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
end
return 1

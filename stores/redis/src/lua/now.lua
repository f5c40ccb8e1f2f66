-- The server's time in microseconds; ARGV[1] is added to it (zero, but in tests).
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local function text(number) return string.format('%.0f', number) end

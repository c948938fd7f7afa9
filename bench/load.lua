-- wrk's script: one distinct tools/call per request, every answer looked at. Arguments: header lines, body template in which
-- @N@ stands for the counter, text that a good answer contains, text that it doesn't contain or "".
local threads = {}

function setup(thread)
  thread:set("thread_number", #threads + 1)
  table.insert(threads, thread)
end

function init(args)
  counter, bad, sample = 0, 0, ""
  expected, refused = args[3], args[4]
  parts = {}
  local from = 1
  while true do
    local at, last = args[2]:find("@N@", from, true)
    parts[#parts + 1] = args[2]:sub(from, (at or 0) - 1)
    if not at then break end
    from = last + 1
  end
  headers = {}
  for name, value in args[1]:gmatch("([^\n:]+): ([^\n]+)") do headers[name] = value end
end

function request()
  counter = counter + 1
  local number = thread_number * 1000000000 + counter
  return wrk.format("POST", nil, headers, table.concat(parts, string.format("%d", number)))
end

function response(status, _, body)
  if status ~= 200 or not body:find(expected, 1, true) or (refused ~= "" and body:find(refused, 1, true)) then
    bad = bad + 1
    if sample == "" then sample = status .. " " .. body:sub(1, 300) end
  end
end

function done(summary, latency, _)
  local wrong, first = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("bad")
    if first == "" then first = thread:get("sample") end
  end
  local errors = summary.errors
  io.write(string.format("\nBENCH %d %d %d %.3f %.3f %.3f %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000, wrong))
  if first ~= "" then io.write("SAMPLE " .. first:gsub("%s+", " ") .. "\n") end
end

-- Sends one body again and again; prints what came out as a line of JSON.
-- wrk ... -s load.lua URL -- METHOD [CONTENT-TYPE BODY-FILE]

function init(args)
  wrk.method = args[1]
  if args[2] then
    wrk.headers["Content-Type"] = args[2]
    local file = assert(io.open(args[3], "rb"))
    wrk.body = file:read("*a")
    file:close()
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50_us":%.3f,"p99_us":%.3f,"bad_status":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

-- Sends the requests of a file, "path token" a line, one after the other and again, and
-- prints what came of them: requests, microseconds, failures, the 50th and the 99th
-- percentile of the time that an answer took.

local threads = 0

function setup(thread)
   thread:set("offset", threads * 101) -- threads do not walk in step
   threads = threads + 1
end

local requests, last = {}, 0

function init(args)
   for line in io.lines(args[1]) do
      local path, token = line:match("^(%S+) (%S+)$")
      requests[#requests + 1] = wrk.format("GET", path, { Authorization = "Bearer " .. token })
   end
   last = offset
end

function request()
   last = last % #requests + 1
   return requests[last]
end

function done(summary, latency)
   local e = summary.errors
   print("sent", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
      latency:percentile(50), latency:percentile(99))
end
